//! The engine's errors in terms of the command line: each names the option that resolves it.

use imaging::Error;

/// One line with the problem and its remedy.
pub fn in_words(error: &Error) -> String {
    match error {
        Error::Misplaced { copyable, .. } => {
            let copy = if *copyable {
                "or --geometry copy to give it the image's header"
            } else {
                "the image's header cannot be copied to another number of voxels"
            };
            format!("{error} Choose --geometry resample to trust both headers, {copy}.")
        }
        Error::Device(_) => {
            format!("{error} Run again on the CPU (--device cpu), or update the card's driver.")
        }
        Error::SeveralStructures { .. } => format!("{error} Name it with --labels."),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_required_choice_names_its_option() {
        let misplaced = |copyable| Error::Misplaced { problem: "They lie apart.".into(), copyable };
        for (error, option) in [
            (misplaced(true), "--geometry copy"),
            (misplaced(false), "--geometry resample"),
            (Error::Device("The graphics card failed.".into()), "--device cpu"),
            (Error::SeveralStructures { labels: vec![1, 2] }, "--labels"),
        ] {
            let text = in_words(&error);
            assert!(text.starts_with(&error.to_string()) && text.contains(option), "{text}");
        }
        assert!(!in_words(&misplaced(false)).contains("--geometry copy"));
    }
}
