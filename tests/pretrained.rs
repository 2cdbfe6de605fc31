//! Trained models in use: what is opened gives the library's numbers, files of vectors survive a kill to the bit, and runs
//! leave for other libraries.

mod common;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use tempfile::TempDir;
use vlp::augment::Image;
use vlp::data::Alpha;
use vlp::encoders::{Activation, AnyImageEncoderConfig, VitConfig, preset};
use vlp::pretrained::{
    self, EmbedOptions, EmbedSummary, Model, OpenOptions, Pictures, Target, Templates, TextReader, embed_files,
};
use vlp::weights::{Format, Package};

fn clip(width: usize, seed: usize) -> Package {
    common::clip_package(width, seed, "")
}

fn open(package: &Package, folder: &Path) -> Model {
    package.export(Format::OpenClip, folder).unwrap();
    pretrained::open(folder, &Device::flex()).unwrap()
}

/// Seven pictures, of which the third and the last are cut off.
fn pictures(folder: &Path) -> PathBuf {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/vlp-data/tests/golden/images");
    fs::create_dir_all(folder.join("pictures")).unwrap();
    let [png, jpg] = ["rgb.png", "baseline.jpg"].map(|name| fs::read(golden.join(name)).unwrap());
    for (number, bytes) in [&png, &jpg, &png, &jpg, &jpg, &png, &png].into_iter().enumerate() {
        let bytes = if number == 2 || number == 6 { &bytes[..bytes.len() / 2] } else { bytes };
        fs::write(folder.join(format!("pictures/{number}.png")), bytes).unwrap();
    }
    folder.join("pictures")
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn pictures_texts_and_classes_agree_with_one_another() {
    let folder = folder();
    let model = open(&clip(8, 0), &folder.path().join("clip"));
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/vlp-data/tests/golden/images");
    let files = ["rgb.png", "baseline.jpg"].map(|name| golden.join(name));
    let images = model.embed_images(&files).unwrap();
    let decoded =
        files.each_ref().map(|path| vlp::data::decode(&fs::read(path).unwrap(), &Default::default()).unwrap());
    assert_eq!(images, model.embed_pictures(&decoded).unwrap());

    let names = ["cat", "red heart", "dog"];
    let classes = model.classify(&files, &names, &Templates::new(["a {c}."]).unwrap()).unwrap();
    let texts = model.embed_texts(&names.map(|name| format!("a {name}."))).unwrap();
    let logits = model.similarity(&images, &texts).unwrap();
    for (row, ranked) in classes.iter().enumerate() {
        let logits: Vec<f32> = logits.row(row).to_vec();
        assert!(logits.iter().all(|logit| logit.abs() <= 2f32.exp() + 1e-4), "{logits:?}");
        let shares = model.probabilities(&logits);
        assert!((shares.iter().sum::<f32>() - 1.0).abs() < 1e-6);
        for (class, name) in names.iter().enumerate() {
            let found = ranked.iter().find(|classified| classified.name == *name).unwrap();
            assert!((found.probability - shares[class]).abs() < 1e-6);
        }
        assert!(ranked.is_sorted_by(|a, b| a.probability >= b.probability));
    }
    // Two sentences: the mean of their directions.
    let both = model.class_embeddings(&["cat"], &Templates::new(["a {}", "the {}"]).unwrap()).unwrap();
    let each = model.embed_texts(&["a cat", "the cat"]).unwrap();
    let mean: Vec<f32> = (0..8).map(|at| each.rows()[[0, at]] + each.rows()[[1, at]]).collect();
    let norm = mean.iter().map(|v| v * v).sum::<f32>().sqrt();
    assert!(both.rows().iter().zip(&mean).all(|(a, b)| (a - b / norm).abs() < 1e-6));

    let missing = model.embed_images(&[golden.join("none.png")]).unwrap_err();
    assert!(missing.asked_wrongly() && missing.to_string().contains("none.png"), "{missing}");
    let none: [&Path; 0] = [];
    assert!(model.embed_images(&none).unwrap_err().asked_wrongly());
    let damaged = pictures(folder.path()).join("2.png");
    assert_eq!(model.embed_images(&[&files[0], &damaged]).unwrap_err().exit_code(), 1);
}

/// Eight by eight pixels of dark red, none of which shows.
const CLEAR: &[u8] =
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR\x00\x00\x00\x08\x00\x00\x00\x08\x08\x06\x00\x00\x00\xc4\x0f\xbe\x8b\
    \x00\x00\x00\x11IDAT\x78\xda\x63\x3c\xc1\x80\x1f\x30\x31\x8c\x08\x05\x00\xd6\xc0\x00\xd8\xf0\x48\x3b\x5e\
    \x00\x00\x00\x00IEND\xae\x42\x60\x82";

/// As their preprocessing in Python does: `convert("RGB")`.
#[test]
fn pretrained_models_drop_transparency_unless_told_otherwise() {
    let folder = folder();
    let model = open(&clip(8, 0), &folder.path().join("clip"));
    let file = [folder.path().join("clear.png")];
    fs::write(&file[0], CLEAR).unwrap();
    let filled = |model: &Model, colour| model.embed_pictures(&[Image::filled(8, 8, colour)]).unwrap();
    assert_eq!(model.alpha(), Alpha::Drop);
    assert_eq!(model.embed_images(&file).unwrap(), filled(&model, [200, 0, 0]));
    // What is chosen for the pictures goes before.
    let pictures = Pictures::find(&file).unwrap().with_alpha(Alpha::OnWhite);
    let batch = model.batches(&pictures, 1, 1, 0).unwrap().next().unwrap().unwrap();
    let white = filled(&model, [255; 3]);
    // Vectors of a batch are as long as the model makes them.
    let length = batch.vectors.iter().map(|v| v * v).sum::<f32>().sqrt();
    assert!(white.rows().iter().zip(&batch.vectors).all(|(a, b)| (a - b / length).abs() < 1e-5));
    let model = model.with_alpha(Alpha::OnWhite);
    assert_eq!(model.embed_images(&file).unwrap(), white);
}

#[test]
fn the_hubs_cache_and_a_single_file_are_the_same_model() {
    let folder = folder();
    let package = clip(8, 0);
    let model = open(&package, &folder.path().join("clip"));
    let picture = [Image::filled(50, 40, [200, 30, 90])];
    let expected = model.embed_pictures(&picture).unwrap();
    let cache = folder.path().join("hub");
    let repository = cache.join("models--laion--tiny");
    for revision in ["aaa", "bbb"] {
        let other = clip(8, if revision == "bbb" { 0 } else { 5 });
        fs::create_dir_all(repository.join("snapshots")).unwrap();
        other.export(Format::OpenClip, repository.join("snapshots").join(revision)).unwrap();
    }
    let open = |path: PathBuf| pretrained::open(path, &Device::flex());
    let several = open(repository.clone()).unwrap_err().to_string();
    assert!(several.contains("refs/main") && several.contains("aaa, bbb"), "{several}");
    fs::create_dir_all(repository.join("refs")).unwrap();
    fs::write(repository.join("refs/main"), "bbb\n").unwrap();
    let file = folder.path().join("clip/open_clip_model.safetensors");
    for path in
        [cache.clone(), repository.clone(), repository.join("snapshots"), repository.join("snapshots/bbb"), file]
    {
        assert_eq!(open(path.clone()).unwrap().embed_pictures(&picture).unwrap(), expected, "{}", path.display());
    }
    fs::create_dir_all(cache.join("models--laion--other/snapshots")).unwrap();
    let which = open(cache).unwrap_err().to_string();
    assert!(which.contains("models--laion--other, models--laion--tiny"), "{which}");
}

#[test]
fn what_is_no_model_is_refused_with_what_would_be_one() {
    let folder = folder();
    let open = |path: &Path| pretrained::open(path, &Device::flex()).unwrap_err();
    let name = open(Path::new("ViT-B-32"));
    for words in ["is the name of a model", "hf download", "open_clip_config.json", "run"] {
        assert!(name.to_string().contains(words), "{name}");
    }
    let empty = open(folder.path());
    assert!(empty.to_string().contains("no readable checkpoint") && empty.asked_wrongly(), "{empty}");
    fs::create_dir(folder.path().join("step-00000003")).unwrap();
    let damaged = open(folder.path());
    assert!(damaged.to_string().contains("manifest") && damaged.asked_wrongly(), "{damaged}");
    clip(8, 0).export(Format::OpenClip, folder.path().join("clip")).unwrap();
    let options = OpenOptions { model: Some("ViT-B-32".to_string()), ..OpenOptions::default() };
    let known = options.open(folder.path().join("clip"), &Device::flex()).unwrap_err();
    assert!(known.to_string().contains("leave the name out"), "{known}");
}

#[test]
fn another_models_tokenizer_is_refused_where_texts_are_read() {
    let folder = folder();
    let clip_folder = folder.path().join("clip");
    let package = clip(8, 0);
    let plain = open(&package, &clip_folder).embed_texts(&["a cat"]).unwrap();
    let emoji = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/emoji/tokenizer.json");
    let options = OpenOptions { tokenizer: Some(emoji.clone()), ..OpenOptions::default() };
    let error = options.open(&clip_folder, &Device::flex()).unwrap_err();
    assert!(error.to_string().contains("another model's tokenizer") && error.asked_wrongly(), "{error}");
    // In the folder it stands in the way of texts, not of pictures.
    fs::copy(&emoji, clip_folder.join("tokenizer.json")).unwrap();
    let model = pretrained::open(&clip_folder, &Device::flex()).unwrap();
    model.embed_pictures(&[Image::filled(9, 9, [0; 3])]).unwrap();
    let error = model.embed_texts(&["a cat"]).unwrap_err();
    assert!(error.to_string().contains("3200 entries") && error.asked_wrongly(), "{error}");
    fs::remove_file(clip_folder.join("tokenizer.json")).unwrap();
    assert_eq!(pretrained::open(&clip_folder, &Device::flex()).unwrap().embed_texts(&["a cat"]).unwrap(), plain);
    let clip_bpe = std::sync::Arc::new(vlp::data::ClipBpe::new(12).unwrap());
    let short = TextReader::new(clip_bpe.clone(), 3200, 12).unwrap_err().to_string();
    assert!(short.contains("49408 entries, the model's vocabulary 3200"), "{short}");
    let long = TextReader::new(clip_bpe, 49_408, 77).unwrap_err().to_string();
    assert!(long.contains("12 ids") && long.contains("77"), "{long}");
}

#[test]
fn a_file_of_vectors_goes_on_after_a_kill_and_is_the_same_to_the_bit() {
    let folder = folder();
    let model = open(&clip(8, 0), &folder.path().join("clip"));
    let pictures = Pictures::find(&[pictures(folder.path())]).unwrap();
    let [whole, cut] = ["whole.npy", "cut.npy"].map(|name| folder.path().join(name));
    let options = EmbedOptions { batch: 2, workers: 2, ..EmbedOptions::default() };
    let resume = EmbedOptions { resume: true, ..options };
    let mut steps = Vec::new();
    let summary = embed_files(&model, &pictures, &whole, &options, |now| steps.push((now.done, now.total))).unwrap();
    assert_eq!((summary.rows, summary.width, summary.damaged, summary.resumed), (5, 8, 2, 0));
    // Full batches: the damaged third picture made room for the fourth.
    assert_eq!(steps, [(0, 7), (2, 7), (5, 7), (7, 7)]);

    let kill = |after: usize| {
        let stop = |now: pretrained::Progress| assert!(now.done < after, "killed");
        assert!(catch_unwind(AssertUnwindSafe(|| embed_files(&model, &pictures, &cut, &options, stop))).is_err());
        assert!(!cut.exists() && cut.with_added_extension("part").exists());
    };
    let resumed = |done: usize| {
        let seen = &mut 0;
        let summary =
            embed_files(&model, &pictures, &cut, &resume, |now| *seen += usize::from(now.done > done)).unwrap();
        assert_eq!((summary.rows, summary.damaged, summary.resumed), (5, 2, done));
        for ending in ["npy", "txt", "damaged.txt"] {
            let [a, b] = [&whole, &cut].map(|path| fs::read(path.with_extension(ending)).unwrap());
            assert!(a == b, "{ending} differs after a resume at {done}");
        }
        for ending in ["part", "state"] {
            assert!(!cut.with_added_extension(ending).exists(), "{ending} is left");
        }
    };
    kill(5);
    resumed(5);
    // Nothing is missing any more: nothing is done, nothing changes.
    resumed(7);
    let foreign = |model: &Model, pictures: &Pictures, options: &EmbedOptions, words: &str| {
        let before = fs::read(&cut).ok();
        let error = embed_files(model, pictures, &cut, options, |_| ()).unwrap_err();
        assert!(error.to_string().contains(words) && error.asked_wrongly(), "{words}: {error}");
        assert_eq!(fs::read(&cut).ok(), before);
    };
    let other = open(&clip(8, 3), &folder.path().join("other"));
    let fewer = Pictures::find(&[folder.path().join("pictures/0.png"), folder.path().join("pictures/3.png")]).unwrap();
    foreign(&other, &pictures, &resume, "another model");
    foreign(&model, &fewer, &resume, "3.png");

    fs::remove_file(&cut).unwrap();
    kill(5);
    foreign(&other, &pictures, &resume, "another model");
    foreign(&model, &fewer, &resume, "picture 2 was");
    foreign(&model, &pictures, &EmbedOptions { raw: true, ..resume }, "--raw");
    // The line of the last batch was cut, as by a power loss: that batch is done again.
    let state = cut.with_added_extension("state");
    let text = fs::read(&state).unwrap();
    fs::write(&state, &text[..text.len() - 5]).unwrap();
    resumed(2);
    // So it is when the rows of the last batch were lost.
    fs::remove_file(&cut).unwrap();
    kill(5);
    let part = cut.with_added_extension("part");
    let rows = fs::read(&part).unwrap();
    fs::write(&part, &rows[..rows.len() - 4]).unwrap();
    resumed(2);
}

/// A shard that is another one than it was says nothing about its pictures: the work ends, and none of them counts as damaged.
#[test]
fn pictures_that_cannot_be_had_are_no_damage() {
    let folder = folder();
    let model = open(&clip(8, 0), &folder.path().join("clip"));
    // More than a process keeps open, so that the last one is opened anew for each picture.
    let shards: Vec<PathBuf> = (0..1026)
        .map(|number| vlp_testkit::shards::shard(0, 1, 1).write(folder.path(), &format!("train-{number:04}.tar")))
        .collect();
    let pictures = Pictures::find(&shards).unwrap();
    let last = &shards[1025];
    let bytes = fs::read(last).unwrap();
    fs::write(last, &bytes[..bytes.len() - 512]).unwrap();
    let error = model.batches(&pictures, 2, 2, 1023).unwrap().find_map(Result::err).unwrap();
    assert!(error.exit_code() == 1 && error.to_string().contains("changed since it was indexed"), "{error}");
    let out = folder.path().join("rows.npy");
    let options = EmbedOptions { batch: 256, ..EmbedOptions::default() };
    let error = embed_files(&model, &pictures, &out, &options, |_| ()).unwrap_err();
    assert!(error.exit_code() == 1 && !out.exists() && !out.with_extension("damaged.txt").exists(), "{error}");
}

/// A pipe under the name of a file that the work writes: refused, not waited for.
#[cfg(unix)]
#[test]
fn a_pipe_in_the_place_of_rows_or_journal_is_refused() {
    let folder = folder();
    let model = open(&clip(8, 0), &folder.path().join("clip"));
    let all = Pictures::find(&[pictures(folder.path())]).unwrap();
    for ending in ["part", "state"] {
        let out = folder.path().join(format!("{ending}.npy"));
        let pipe = out.with_added_extension(ending);
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let error = embed_files(&model, &all, &out, &EmbedOptions::default(), |_| ()).unwrap_err();
        assert!(error.to_string().contains("no regular file"), "{error}");
    }
}

#[test]
fn a_refused_start_leaves_nothing_behind() {
    let folder = folder();
    let model = open(&clip(8, 0), &folder.path().join("clip"));
    let all = pictures(folder.path());
    let damaged = Pictures::find(&[all.join("2.png"), all.join("6.png")]).unwrap();
    let good = Pictures::find(&[all]).unwrap();
    let before = fs::read_dir(folder.path()).unwrap().count();
    let embed = |pictures: &Pictures, out: &str, options: EmbedOptions| {
        let result: Result<EmbedSummary, _> = embed_files(&model, pictures, &folder.path().join(out), &options, |_| ());
        let error = result.unwrap_err();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), before, "{error}");
        error
    };
    let options = EmbedOptions::default();
    assert!(embed(&good, "rows.csv", options).to_string().contains(".npy or .safetensors"));
    assert!(embed(&good, "none/rows.npy", options).asked_wrongly());
    assert!(embed(&good, "rows.npy", EmbedOptions { batch: 0, ..options }).asked_wrongly());
    assert!(embed(&good, "rows.npy", EmbedOptions { workers: 0, ..options }).asked_wrongly());
    for absurd in [
        EmbedOptions { workers: 100_000, ..options },
        EmbedOptions { workers: usize::MAX, ..options },
        EmbedOptions { batch: 1 << 40, ..options },
        EmbedOptions { batch: usize::MAX, ..options },
    ] {
        let error = embed(&good, "rows.npy", absurd);
        assert!(error.asked_wrongly() && error.to_string().contains("must be from 1 to"), "{error}");
    }
    let none = embed(&damaged, "rows.npy", options);
    assert!(none.exit_code() == 1 && none.to_string().contains("none of 2 pictures"), "{none}");
}

#[test]
fn fine_tuning_begins_with_the_scale_that_was_trained() {
    let device = Device::flex().autodiff();
    for (more, bias) in [("", None), (r#""init_logit_bias": -10.0,"#, Some(0.0))] {
        let package = common::clip_package(8, 0, more);
        let loaded = package.clone().load(&device).unwrap();
        let bias = bias.and(loaded.bias);
        let (method, origin) = pretrained::fine_tune(loaded, &device).unwrap();
        let scale: f32 = method.scale().unwrap().into_scalar();
        assert!((scale / 2f32.exp() - 1.0).abs() < 1e-6, "{scale}");
        assert_eq!(method.bias().map(|bias| bias.into_scalar::<f32>()), bias);
        let back = origin.package(&method).unwrap();
        for (name, tensor) in package.weights().iter() {
            let (was, is) = (tensor.to_f32().unwrap(), back.weights().get(name).unwrap().to_f32().unwrap());
            // The scale went through its exponential, in 64 bits.
            let most = if name == "logit_scale" { 1e-6 } else { 0.0 };
            assert!(was.iter().zip(&is).all(|(a, b)| (a - b).abs() <= most), "{name}");
        }
    }
}

#[test]
fn a_run_leaves_for_other_libraries_or_says_why_it_cannot() {
    let folder = folder();
    let run = folder.path().join("run");
    let mut recipe = common::recipe("clip");
    let small = preset("ViT-B-32").unwrap();
    let AnyImageEncoderConfig::Vit(vit) = small.image else { panic!("ViT-B-32 is a ViT") };
    let vit = VitConfig { image_size: 16, width: 24, depth: 1, heads: 2, ..vit };
    recipe.image = AnyImageEncoderConfig::Vit(VitConfig { stem: vlp::encoders::StemConfig::Patch { size: 8 }, ..vit });
    (recipe.text.activation, recipe.text.dropout) = (Activation::Gelu, 0.0);
    drop(common::trainer(&recipe, 3, &run, common::config(&recipe)).fit().unwrap());

    let emoji = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/emoji/tokenizer.json");
    let model = pretrained::open(&run, &Device::flex().autodiff()).unwrap();
    assert_eq!(model.alpha(), Alpha::OnWhite, "as the run's pictures were");
    let picture = [Image::filled(31, 22, [200, 30, 90])];
    let (images, texts) = (model.embed_pictures(&picture).unwrap(), model.embed_texts(&["red heart"]).unwrap());
    let step = run.join("step-00000003");
    assert_eq!(pretrained::open(&step, &Device::flex()).unwrap().embed_texts(&["red heart"]).unwrap(), texts);

    let out = folder.path().join("out");
    for target in [Target::OpenClip, Target::HuggingFace] {
        model.export(target, &out).unwrap();
        fs::copy(&emoji, out.join("tokenizer.json")).unwrap();
        let back = pretrained::open(&out, &Device::flex()).unwrap();
        assert!((back.scale() - model.scale()).abs() < 1e-4);
        let pairs = [(back.embed_pictures(&picture), &images), (back.embed_texts(&["red heart"]), &texts)];
        for (found, expected) in pairs {
            let found = found.unwrap();
            let apart = found.rows().iter().zip(expected.rows()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(apart < 1e-5, "{target:?}: {apart}");
        }
        fs::remove_dir_all(&out).unwrap();
    }
    model.export(Target::Timm, &out).unwrap();

    let rocket = folder.path().join("rocket");
    let recipe = common::recipe("clip-rocket");
    drop(common::trainer(&recipe, 3, &rocket, common::config(&recipe)).fit().unwrap());
    let error = pretrained::open(&rocket, &Device::flex()).unwrap().export(Target::OpenClip, &out).unwrap_err();
    assert!(error.asked_wrongly() && error.to_string().contains("clip-rocket"), "{error}");
}
