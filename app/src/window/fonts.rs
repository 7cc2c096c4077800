//! Finds a system font for Chinese, Japanese and Korean names, since one that covers them is too large to ship.

use std::env;
use std::path::{Path, PathBuf};

/// File name prefixes of fonts that cover one of these scripts, the widest coverage first.
const KNOWN: [&str; 14] = [
    "NotoSansCJK",
    "SourceHanSans",
    "NotoSansSC",
    "NotoSansJP",
    "NotoSansKR",
    "wqy-microhei",
    "wqy-zenhei",
    "DroidSansFallback",
    "PingFang",
    "Hiragino Sans GB",
    "AppleSDGothicNeo",
    "msyh",
    "YuGothR",
    "malgun",
];
/// Maximum depth of the search in font folders.
const DEEPEST: usize = 4;

/// The contents of the first known font on the system.
pub fn east_asian() -> Option<Vec<u8>> {
    std::fs::read(find(&folders())?).ok()
}

/// Font folders of Linux, macOS and Windows.
fn folders() -> Vec<PathBuf> {
    let home = env::home_dir().unwrap_or_default();
    let windows = env::var_os("WINDIR").map(PathBuf::from).unwrap_or_default();
    vec![
        "/usr/share/fonts".into(),
        "/usr/local/share/fonts".into(),
        home.join(".local/share/fonts"),
        home.join(".fonts"),
        "/System/Library/Fonts".into(),
        "/Library/Fonts".into(),
        windows.join("Fonts"),
    ]
}

fn find(folders: &[PathBuf]) -> Option<PathBuf> {
    let mut files = Vec::new();
    folders.iter().for_each(|folder| collect(folder, 0, &mut files));
    files.sort();
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let place = |path: &PathBuf| {
        let name = name(path);
        let known = KNOWN.iter().position(|known| name.starts_with(known))?;
        Some((known, !name.contains("Regular")))
    };
    files.into_iter().filter(|path| place(path).is_some()).min_by_key(place)
}

fn collect(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) {
    for path in folder.read_dir().into_iter().flatten().flatten().map(|entry| entry.path()) {
        let ending = path.extension().unwrap_or_default().to_ascii_lowercase();
        if path.is_dir() && depth < DEEPEST {
            collect(&path, depth + 1, files);
        } else if ["ttf", "ttc", "otf"].iter().any(|known| ending == *known) {
            files.push(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_regular_cut_of_the_widest_font_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("opentype/noto");
        std::fs::create_dir_all(&inner).unwrap();
        for name in ["NotoSansCJK-Bold.ttc", "NotoSansCJK-Regular.ttc", "wqy-zenhei.ttc", "NotoSans.txt"] {
            std::fs::write(inner.join(name), b"").unwrap();
        }
        assert_eq!(find(&[folder.path().into()]), Some(inner.join("NotoSansCJK-Regular.ttc")));
        assert_eq!(find(&[folder.path().join("none")]), None);
    }
}
