//! Roles and pairs from names.

use exemplar_engine::pairing::{Role, context_dir, expand, guess_roles};
use std::path::PathBuf;

/// Names, one per line: file, role, partner (`-` for none).
fn roles(table: &str) {
    let rows: Vec<Vec<&str>> = table.trim().lines().map(|line| line.split_whitespace().collect()).collect();
    let paths: Vec<PathBuf> = rows.iter().map(|row| PathBuf::from(row[0])).collect();
    for (row, planned) in rows.iter().zip(guess_roles(&paths)) {
        let role = match planned.role {
            Role::Target => "target",
            Role::ExampleImage => "image",
            Role::ExampleLabel => "label",
            Role::GroundTruth => "truth",
            Role::Mask => "mask",
            Role::Ignored { .. } => "ignored",
        };
        let partner = planned.partner.map_or("-".into(), |path| path.display().to_string());
        assert_eq!((role, partner.as_str()), (row[1], row[2]), "{} in{table}", row[0]);
    }
}

#[test]
fn customs_of_naming_are_known() {
    roles(
        "
        d/imagesTr/bg_001_0000.nii.gz   image    d/labelsTr/bg_001.nii.gz
        d/imagesTr/bg_001_0001.nii.gz   ignored  -
        d/labelsTr/bg_001.nii.gz        label    d/imagesTr/bg_001_0000.nii.gz
        d/imagesTs/bg_009_0000.nii.gz   target   -
    ",
    );
    roles("
        ds/sub-01/anat/sub-01_T1w.nii.gz               image   ds/derivatives/man/sub-01/anat/sub-01_desc-x_dseg.nii.gz
        ds/sub-01/anat/sub-01_T2w.nii.gz               ignored -
        ds/sub-02/anat/sub-02_T1w.nii.gz               target  -
        ds/derivatives/man/sub-01/anat/sub-01_desc-x_dseg.nii.gz label ds/sub-01/anat/sub-01_T1w.nii.gz
    ");
    roles(
        "
        fs/bert/T1.nii.gz     image   fs/bert/aseg.nii.gz
        fs/bert/brain.nii.gz  ignored -
        fs/bert/aseg.nii.gz   label   fs/bert/T1.nii.gz
        new/scan.NII.GZ       target  -
        new/scan.txt          ignored -
    ",
    );
    roles(
        "
        a.nii             image   a_seg.nii
        a_seg.nii         label   a.nii
        b.nii             image   b-mask.nii.gz
        b-mask.nii.gz     label   b.nii
        patient.nii       target  patient_gt.nii
        patient_gt.nii    truth   patient.nii
        stray_lesion.nii  mask    -
        other.nii         ignored -
    ",
    );
    roles(
        "
        x/images/IXI634_T1.nii.gz         image x/labels/IXI634_T1_DLMUSE.nii.gz
        x/labels/IXI634_T1_DLMUSE.nii.gz  label x/images/IXI634_T1.nii.gz
        x/images/hippocampus_011.nii.gz   image x/labels/hippocampus_011.nii.gz
        x/labels/hippocampus_011.nii.gz   label x/images/hippocampus_011.nii.gz
    ",
    );
}

#[test]
fn a_folder_of_examples_is_paired_or_the_lonely_image_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let touch = |name: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, b"").unwrap();
    };
    assert!(context_dir(folder.path()).unwrap_err().to_string().contains("no image with a label"));
    for name in
        ["images/a.nii", "labels/a.nii", "images/b.hdr", "images/b.img", "labels/b.nii.gz", "notes.txt"]
    {
        touch(name);
    }
    let pairs = context_dir(folder.path()).unwrap();
    let ends = |i: usize, image: &str, label: &str| {
        assert!(pairs[i].0.ends_with(image) && pairs[i].1.ends_with(label), "{pairs:?}");
    };
    ends(0, "images/a.nii", "labels/a.nii");
    ends(1, "images/b.hdr", "labels/b.nii.gz");
    touch("images/c.nii.gz");
    assert!(context_dir(folder.path()).unwrap_err().to_string().contains("the image c has no label"));
    assert_eq!(expand(&[folder.path().into()]).unwrap().len(), 5, "text is passed over, a pair counts once");
}
