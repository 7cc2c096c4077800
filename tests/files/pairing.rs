//! Roles and pairs from names.

use imaging::io::pairing::{Role, context_dir, examples_in, expand, guess_roles};
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
fn all_entities_of_bids_decide() {
    roles(
        "
        d/sub-02_run-1_T1w.nii.gz                ignored -
        d/sub-02_run-2_T1w.nii.gz                image   d/sub-02_run-02_dseg.nii.gz
        d/sub-02_run-02_dseg.nii.gz              label   d/sub-02_run-2_T1w.nii.gz
    ",
    );
    roles(
        "
        d/sub-1_acq-low_T1w.nii.gz               ignored -
        d/sub-1_acq-high_T1w.nii.gz              image   d/sub-1_acq-high_label-lesion_roi.nii.gz
        d/sub-1_acq-high_label-lesion_roi.nii.gz label   d/sub-1_acq-high_T1w.nii.gz
        d/sub-2_ses-1_T1w.nii.gz                 target  -
        d/sub-2_ses-2_T1w.nii.gz                 image   d/sub-2_ses-2_T1w_label-lesion_roi.nii.gz
        d/sub-2_ses-2_T1w_label-lesion_roi.nii.gz label  d/sub-2_ses-2_T1w.nii.gz
    ",
    );
    // A label of another space, or of another modality, is nobody's.
    roles(
        "
        d/sub-1_T1w.nii.gz                       target  -
        d/sub-1_space-MNI152_dseg.nii.gz         mask    -
        d/sub-1_T2w_label-lesion_mask.nii.gz     mask    -
        d/sub-2_space-MNI152_T1w.nii.gz          image   d/sub-2_space-MNI152_label-L_desc-T1lesion_mask.nii.gz
        d/sub-2_space-MNI152_label-L_desc-T1lesion_mask.nii.gz label d/sub-2_space-MNI152_T1w.nii.gz
    ",
    );
}

#[test]
fn derivatives_go_with_their_own_image_and_a_brain_mask_is_the_last_choice() {
    roles(
        "
        s/sub-01/anat/sub-01_T1w.nii.gz                ignored -
        p/sub-01/anat/sub-01_desc-preproc_T1w.nii.gz   image   p/sub-01/anat/sub-01_dseg.nii.gz
        p/sub-01/anat/sub-01_desc-brain_mask.nii.gz    ignored -
        p/sub-01/anat/sub-01_label-GM_probseg.nii.gz   ignored -
        p/sub-01/anat/sub-01_dseg.nii.gz               label   p/sub-01/anat/sub-01_desc-preproc_T1w.nii.gz
    ",
    );
    roles(
        "
        a/case_T1.nii.gz           image   a/case_brain_mask.nii.gz
        a/case_brain_mask.nii.gz   label   a/case_T1.nii.gz
    ",
    );
}

#[test]
fn words_for_roles_may_stand_anywhere() {
    roles(
        "
        x/img_001.nii                  image   x/mask_001.nii
        x/mask_001.nii                 label   x/img_001.nii
        x/img002.nii                   image   x/seg002.nii
        x/seg002.nii                   label   x/img002.nii
        y/volume-10.nii                image   y/segmentation-10.nii
        y/segmentation-10.nii          label   y/volume-10.nii
        y/volume-1.nii                 target  -
    ",
    );
    roles(
        "
        i/IBSR_01_ana_strip.nii.gz     image   i/IBSR_01_seg_ana.nii.gz
        i/IBSR_01_seg_ana.nii.gz       label   i/IBSR_01_ana_strip.nii.gz
        i/IBSR_02_ana.nii.gz           image   i/IBSR_02_segTRI_ana.nii.gz
        i/IBSR_02_ana_strip.nii.gz     ignored -
        i/IBSR_02_segTRI_ana.nii.gz    label   i/IBSR_02_ana.nii.gz
    ",
    );
    roles(
        "
        b/BraTS_7_flair.nii.gz         image   b/BraTS_7_seg.nii.gz
        b/BraTS_7_seg.nii.gz           label   b/BraTS_7_flair.nii.gz
        b/BraTS_8_flair.nii.gz         ignored -
        b/BraTS_8_t1.nii.gz            image   b/BraTS_8_seg.nii.gz
        b/BraTS_8_t1ce.nii.gz          ignored -
        b/BraTS_8_t2.nii.gz            image   b/BraTS_8_t2_seg.nii.gz
        b/BraTS_8_seg.nii.gz           label   b/BraTS_8_t1.nii.gz
        b/BraTS_8_t2_seg.nii.gz        label   b/BraTS_8_t2.nii.gz
    ",
    );
    // What a study is named after is no role.
    roles(
        "
        l/lesion_001_T1.nii.gz         image   l/lesion_001_mask.nii.gz
        l/lesion_001_mask.nii.gz       label   l/lesion_001_T1.nii.gz
        l/scan_1_2_seg.nii.gz          mask    -
        l/scan_1.nii.gz                target  -
    ",
    );
}

#[test]
fn folders_for_roles_may_have_many_names() {
    roles(
        "
        d/image/a.nii                  image   d/label/a.nii
        d/label/a.nii                  label   d/image/a.nii
        e/train_images/p1/x.nii        image   e/train_masks/p1/x.nii
        e/train_masks/p1/x.nii         label   e/train_images/p1/x.nii
        e/test_images/p1/x.nii         target  -
        f/c.nii                        image   f/masks/c.nii
        f/masks/c.nii                  label   f/c.nii
    ",
    );
    roles(
        "
        m/T1/001.nii                   image   m/seg/001.nii
        m/T2/001.nii                   ignored -
        m/seg/001.nii                  label   m/T1/001.nii
    ",
    );
    // A folder that is merely called so holds both.
    roles(
        "
        segmentation/a.nii             image   segmentation/a_seg.nii
        segmentation/a_seg.nii         label   segmentation/a.nii
        segmentation/b.nii             target  -
    ",
    );
}

#[test]
fn four_digits_are_a_channel_only_beside_channel_0() {
    roles(
        "
        d/scan_0001.nii                image   d/scan_0001_seg.nii
        d/scan_0001_seg.nii            label   d/scan_0001.nii
        d/scan_0003.nii                target  -
    ",
    );
    // A case with a label of its own is no channel, though the row begins with 0.
    roles(
        "
        s/images/scan_0000.nii         image   s/labels/scan_0000.nii
        s/images/scan_0001.nii         target  -
        s/labels/scan_0000.nii         label   s/images/scan_0000.nii
    ",
    );
}

#[test]
fn where_names_do_not_decide_nothing_is_guessed() {
    roles(
        "
        d/a.nii                        ignored -
        d/a_seg.nii                    ignored -
        d/a_mask.nii                   ignored -
        d/b.nii                        image   d/b_seg.nii
        d/b_seg.nii                    label   d/b.nii
        d/b_seg_rater2.nii             ignored -
    ",
    );
    roles(
        "
        d/sub-1_run-1_T1w.nii          target  -
        d/sub-1_run-2_T1w.nii          ignored -
        d/sub-1_dseg.nii               ignored -
    ",
    );
}

/// A name has one partner at most, and partners know each other, whatever the names.
#[test]
fn partners_are_mutual_and_do_not_hang_on_the_order() {
    let words =
        ["a", "b", "seg", "mask", "T1", "flair", "sub-1", "run-1", "run-2", "0000", "0001", "dseg", "lesion"];
    let mut random = 1_u64;
    let mut next = |below: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (random >> 33) as usize % below
    };
    for _ in 0..300 {
        let name = |next: &mut dyn FnMut(usize) -> usize| {
            let parts: Vec<&str> = (0..=next(4)).map(|_| words[next(words.len())]).collect();
            PathBuf::from(format!("{}/{}.nii", ["d", "images", "labels"][next(3)], parts.join("_")))
        };
        let mut paths: Vec<PathBuf> = (0..8).map(|_| name(&mut next)).collect();
        paths.sort();
        paths.dedup();
        let plan = guess_roles(&paths);
        for planned in plan.iter().filter(|planned| planned.partner.is_some()) {
            let other = plan.iter().find(|other| Some(&other.path) == planned.partner.as_ref()).unwrap();
            assert_eq!(other.partner.as_ref(), Some(&planned.path), "{paths:?}");
        }
        paths.reverse();
        for (planned, reversed) in plan.iter().zip(guess_roles(&paths).iter().rev()) {
            assert_eq!(planned.partner, reversed.partner, "{paths:?}");
        }
    }
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
    // For a run the lonely image is left out, and so is the target with its label, whatever it is called here.
    let target = folder.path().join("elsewhere.nii");
    std::fs::hard_link(folder.path().join("images/a.nii"), &target).unwrap();
    let found = examples_in(folder.path(), &target).unwrap();
    assert_eq!(found.pairs, pairs[1..]);
    let notes = found.notes.join("\n");
    assert!(notes.contains("images/a.nii") && notes.contains("its own example"), "{notes}");
    assert!(notes.contains("1 left out (images without a label): images/c.nii.gz"), "{notes}");
    assert!(examples_in(folder.path(), &folder.path().join("images/b.img")).unwrap().pairs == pairs[..1]);
    touch("labels/b_mask.nii.gz");
    let undecided = examples_in(folder.path(), &target).map(|_| ()).unwrap_err().to_string();
    assert!(
        ["b.hdr", "b.nii.gz", "b_mask.nii.gz"].iter().all(|name| undecided.contains(name)),
        "{undecided}"
    );
}

#[test]
fn an_image_without_an_ending_is_found_by_its_content() {
    let folder = tempfile::tempdir().unwrap();
    let stored = exemplar_tests::fixture("odd/samples/tiny_4x5x7.nii.gz");
    for name in ["images/case7", "labels/case7.nii.gz"] {
        std::fs::create_dir_all(folder.path().join(name).parent().unwrap()).unwrap();
        std::fs::copy(&stored, folder.path().join(name)).unwrap();
    }
    std::fs::write(folder.path().join("images/readme"), b"nothing of an image").unwrap();
    assert_eq!(context_dir(folder.path()).unwrap().len(), 1);
}
