//! What a command is going to write is checked before it starts working, and an input is never written over.

use exemplar_tests::{Ran, exemplar, fixture};
use std::path::{Path, PathBuf};

/// A folder with files that are no images: a run that got so far as to read one would complain of it.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        for name in ["target.nii.gz", "image.nii.gz", "label.nii.gz", "old.json"] {
            std::fs::write(folder.at(name), "no image").unwrap();
        }
        folder
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Segments with these outputs; `{}` stand for `paths`.
    fn segment(&self, outputs: &str, paths: &[&Path]) -> Ran {
        let inputs = ["target", "image", "label"].map(|name| self.at(&format!("{name}.nii.gz")));
        let inputs = inputs.iter().map(PathBuf::as_path);
        let all: Vec<&Path> = inputs.chain(paths.iter().copied()).collect();
        exemplar(&format!("segment --device cpu -t {{}} -c {{}} {{}} {outputs}"), &all)
    }
}

/// One line that says `words`.
fn refused(ran: &Ran, code: i32, words: &str) {
    assert!(ran.code == code && ran.complained.contains(words), "{} {}", ran.code, ran.complained);
    assert!(code == 2 || ran.complained.trim_end().lines().count() == 1, "{}", ran.complained);
}

fn write_protect(path: &Path) {
    let mut permissions = path.metadata().unwrap().permissions();
    permissions.set_readonly(true);
    std::fs::set_permissions(path, permissions).unwrap();
}

#[test]
fn an_output_that_cannot_be_written_is_refused_before_anything_is_read() {
    let folder = Folder::new();
    let mask = folder.at("mask.nii.gz");
    for (name, words) in [
        ("no folder/mask.nii.gz", "there is no folder"),
        ("mask.mgz", ".nii.gz or .nii"),
        (".", "a folder"),
        ("target.nii.gz", "never overwritten"),
        ("./label.nii.gz", "never overwritten"),
    ] {
        refused(&folder.segment("-o {}", &[&folder.at(name)]), 1, words);
        refused(&folder.segment("-o {} --probabilities {}", &[&mask, &folder.at(name)]), 1, words);
    }
    for (name, words) in [("no folder/r.json", "there is no folder"), ("r.txt", ".json"), (".", "a folder")] {
        refused(&folder.segment("-o {} --report {}", &[&mask, &folder.at(name)]), 1, words);
    }
    #[cfg(target_os = "linux")]
    refused(&folder.segment("-o {}", &[Path::new("/proc/mask.nii.gz")]), 1, "/proc");
    write_protect(&folder.at("old.json"));
    refused(&folder.segment("-o {} --report {}", &[&mask, &folder.at("old.json")]), 1, "--force");

    let file = folder.at("target.nii.gz");
    refused(&exemplar("demo --device cpu -o {}", &[&file]), 1, "choose a folder");
    let no_weights = folder.at("image.nii.gz");
    for (name, words) in [("no folder/w.safetensors", "there is no folder"), ("w.ckpt", ".safetensors")] {
        refused(&exemplar("convert {} {}", &[&no_weights, &folder.at(name)]), 1, words);
    }
    let config = folder.at("mine.toml");
    std::fs::write(&config, "[[data]]\nfolder = \"nowhere\"\n").unwrap();
    refused(&exemplar("train {} -o {}", &[&config, &file]), 1, "choose a folder");
    std::fs::copy(fixture("../../assets/study.toml"), &config).unwrap();
    refused(&exemplar("study {} -o {}", &[&config, &file]), 1, "choose a folder");
    assert!(!mask.exists());
}

#[test]
fn two_outputs_under_one_name_contradict_each_other() {
    let folder = Folder::new();
    let mask = folder.at("mask.nii.gz");
    let mut names = vec![mask.clone(), folder.at("./mask.nii.gz"), folder.at("../mask.nii.gz")];
    names[2] = folder.0.path().join("..").join(folder.0.path().file_name().unwrap()).join("mask.nii.gz");
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("mask.nii.gz", folder.at("link.nii.gz")).unwrap();
        names.push(folder.at("link.nii.gz"));
    }
    for name in names {
        refused(&folder.segment("-o {} --probabilities {}", &[&mask, &name]), 2, "are one file");
        refused(&folder.segment("-o {} --report {}", &[&mask, &name]), 2, "are one file");
    }
    let labels = folder.segment("--labels 1 -o {}", &[&mask]);
    assert_eq!(labels.code, 1, "no contradiction: {}", labels.complained);
    let transform = "transform --labels 1 -t {} -c {} {} -o {}";
    let inputs = ["target", "image", "label"].map(|name| folder.at(&format!("{name}.nii.gz")));
    refused(&exemplar(transform, &[&inputs[0], &inputs[1], &inputs[2], &mask]), 2, "no labels");
}

#[test]
fn a_file_that_is_replaced_is_said_and_a_write_protected_one_only_by_force() {
    let folder = Folder::new();
    let (ckpt, weights) = (fixture("golden/tiny_trained.ckpt"), folder.at("weights.safetensors"));
    let convert = |options: &str| exemplar(&format!("convert {{}} {{}} {options}"), &[&ckpt, &weights]);
    assert_eq!(convert("").well().complained, "");
    std::fs::write(&weights, "old").unwrap();
    assert!(convert("").well().complained.contains("weights.safetensors exists and will be replaced."));
    std::fs::write(&weights, "old").unwrap();
    write_protect(&weights);
    refused(&convert(""), 1, "--force");
    assert_eq!(std::fs::read(&weights).unwrap(), b"old");
    convert("--force").well();
    assert!(std::fs::read(&weights).unwrap().len() > 1000);
}
