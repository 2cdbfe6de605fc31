//! Every documentation page of a loss is compiled.

use std::fs;
use std::path::Path;

#[test]
fn every_page_is_compiled_and_none_of_its_code_is_ignored() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let source = fs::read_to_string(root.join("src/pages.rs")).unwrap();
    let (_, listed) = source.rsplit_once("pages! {").unwrap();
    let mut listed: Vec<_> = listed.trim_end().trim_end_matches('}').split_whitespace().collect();
    listed.sort_unstable();
    let mut pages = Vec::new();
    for entry in fs::read_dir(root.join("../../docs/losses")).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        assert!(!text.contains("```rust,"), "{}: code that is not compiled, or not plainly", path.display());
        let name = path.file_stem().unwrap().to_str().unwrap().to_string();
        if name != "README" {
            assert!(text.contains("```rust\n"), "{}: a page without an example", path.display());
            pages.push(name);
        }
    }
    pages.sort_unstable();
    assert_eq!(pages, listed, "pages in docs/losses and those in src/pages.rs");
}
