//! Paths that are pasted or typed, and whether the desktop can ask for them.

use super::Question;
use imaging::io::is_image_name;
use percent_encoding::percent_decode_str;
use std::env;
use std::path::{Path, PathBuf};

/// Most completions that are offered at once.
pub const OFFERED: usize = 8;
/// Most entries of a folder that are looked through for completions.
const LOOKED_AT: usize = 10_000;

/// Paths in pasted text: one on each line, with or without quotes, or as `file://` addresses.
pub fn pasted(text: &str) -> Vec<PathBuf> {
    let lines = text.lines().map(|line| line.trim().trim_matches(['"', '\'']));
    lines.filter(|line| !line.is_empty()).map(path_of).collect()
}

fn path_of(line: &str) -> PathBuf {
    let Some(address) = line.strip_prefix("file://") else { return line.into() };
    // RFC 8089: the name of a host may stand before the path.
    let path = address.find('/').map_or(address, |start| &address[start..]);
    let bytes: Vec<u8> = percent_decode_str(path).collect();
    #[cfg(unix)]
    return PathBuf::from(<std::ffi::OsString as std::os::unix::ffi::OsStringExt>::from_vec(bytes));
    #[cfg(not(unix))]
    return PathBuf::from(String::from_utf8_lossy(&bytes).trim_start_matches('/'));
}

/// The path that was typed.
fn typed(text: &str) -> PathBuf {
    let text = text.trim();
    match (text.strip_prefix('~'), env::home_dir()) {
        (Some(rest), Some(home)) if rest.is_empty() || rest.starts_with('/') => {
            home.join(rest.trim_start_matches('/'))
        }
        _ => path_of(text),
    }
}

/// Folders and images whose path begins as the typed one does; folders end in a separator.
pub fn completions(text: &str) -> Vec<String> {
    let cut = text.rfind(std::path::is_separator).map_or(0, |at| at + 1);
    let (folder, start) = text.split_at(cut);
    let Ok(entries) = typed(if folder.is_empty() { "." } else { folder }).read_dir() else {
        return Vec::new();
    };
    let mut found: Vec<String> = entries
        .flatten()
        .take(LOOKED_AT)
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let hidden = name.starts_with('.') && !start.starts_with('.');
            let path = entry.path();
            let end = if path.is_dir() { std::path::MAIN_SEPARATOR_STR } else { "" };
            let useful = !hidden && (!end.is_empty() || is_image_name(&path));
            (useful && name.starts_with(start) && name != start).then(|| format!("{folder}{name}{end}"))
        })
        .collect();
    found.sort();
    found.truncate(OFFERED);
    found
}

/// The typed path where it can answer the question, else what is wrong with it.
pub fn complete(question: &Question, text: &str) -> Result<PathBuf, String> {
    let path = typed(text);
    if text.trim().is_empty() {
        return Err("Type the path of a file or a folder.".into());
    }
    match question {
        Question::Files | Question::Folder if !path.exists() => {
            Err(format!("There is no file or folder {}; check the spelling.", path.display()))
        }
        Question::Export { .. } if path.is_dir() => {
            Err(format!("{} is a folder; add the name of the file to write.", path.display()))
        }
        Question::Export { .. } if !folder_of(&path).is_dir() => {
            Err(format!("There is no folder {}; choose one that exists.", folder_of(&path).display()))
        }
        _ => Ok(path),
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Whether the desktop may have file dialogs: on Linux they come over the session bus or from zenity.
pub fn desktop_has_dialogs() -> bool {
    if cfg!(any(windows, target_os = "macos")) {
        return true;
    }
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
    let bus = set("DBUS_SESSION_BUS_ADDRESS").is_some()
        || set("XDG_RUNTIME_DIR").is_some_and(|folder| Path::new(&folder).join("bus").exists());
    bus || set("PATH")
        .is_some_and(|path| env::split_paths(&path).any(|folder| folder.join("zenity").exists()))
}

/// Whether the window system is Wayland, which hands no dropped files to windows like this one. An empty variable
/// counts as none, as it does for winit.
pub fn on_wayland() -> bool {
    env::var_os("WAYLAND_DISPLAY").is_some_and(|display| !display.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::DemoCase;
    use crate::document::{Bricks, Document, MaskId, MaskInfo, Provenance, Status};

    #[test]
    fn pasted_addresses_are_decoded() {
        let text =
            "file:///data/%C3%9Cn%C3%AFcode%20scan.nii\r\n'/data/50%20 off.nii'\nfile://host/a%25b.nii\n";
        let expected = ["/data/Ünïcode scan.nii", "/data/50%20 off.nii", "/a%b.nii"];
        assert_eq!(pasted(text), expected.map(PathBuf::from));
    }

    fn mask() -> MaskId {
        let mut document = Document::default();
        let mut draft = document.draft();
        let target = DemoCase::open().unwrap().target;
        let voxels = Bricks::filled(target.volume.grid.shape, 0);
        draft.set_target(Some(target)).unwrap();
        let (status, provenance) = (Status::Accepted, Provenance::Drawn);
        let info = MaskInfo { name: "Mask".into(), status, provenance, remarks: Vec::new() };
        draft.add_mask(voxels, &[], info).unwrap()
    }

    #[test]
    fn a_typed_path_is_completed_and_checked() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("scans")).unwrap();
        for name in ["scan.nii", "scores.txt"] {
            std::fs::write(folder.path().join(name), b"").unwrap();
        }
        let at = |name: &str| folder.path().join(name).display().to_string();
        assert_eq!(completions(&at("sc")), [at("scan.nii"), at("scans/")]);
        assert!(complete(&Question::Files, &at("scan.nii")).is_ok());
        let missing = complete(&Question::Files, &at("none.nii")).unwrap_err();
        assert!(missing.contains("none.nii") && missing.ends_with('.'), "{missing}");
        let export = Question::Export { mask: mask(), name: "m.nii.gz".into(), folder: None };
        assert!(complete(&export, &at("scans/m.nii.gz")).is_ok());
        assert!(complete(&export, &at("none/m.nii.gz")).is_err());
        assert!(complete(&export, &at("scans")).is_err());
    }
}
