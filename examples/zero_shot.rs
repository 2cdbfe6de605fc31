//! What is on these pictures? Probabilities of class names that the model was never trained for. `vlp classify` does more.
//!
//! ```text
//! cargo run --release --example zero_shot -- path/to/ViT-B-32 "cat,dog,bird" a.jpg b.jpg
//! ```

use std::process::ExitCode;

use vlp::pretrained;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, classes, pictures @ ..] = &arguments[..] else {
        eprintln!("usage: zero_shot MODEL CLASS,CLASS,... PICTURE...");
        return ExitCode::from(2);
    };
    vlp::exit_code(classify(model, classes, pictures))
}

fn classify(model: &str, classes: &str, pictures: &[String]) -> Result<(), vlp::Error> {
    let model = pretrained::open(model, &vlp::device::open("flex")?)?;
    let names: Vec<&str> = classes.split(',').map(str::trim).collect();
    let answers = model.classify(pictures, &names, model.templates())?;
    for (picture, ranked) in pictures.iter().zip(answers) {
        let shown: Vec<_> = ranked.iter().map(|one| format!("{:.1} % {}", 100.0 * one.probability, one.name)).collect();
        println!("{picture}: {}", shown.join(", "));
    }
    Ok(())
}
