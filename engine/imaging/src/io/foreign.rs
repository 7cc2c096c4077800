//! What to call a file that no reader recognises, and what to do with it.

use std::path::Path;

/// First bytes of formats without a reader: where they stand, what they are, and what to do.
const MARKS: [(usize, &[u8], &str, &str); 18] = [
    (128, b"DICM", "a DICOM file", "convert the series to NIfTI, for example with dcm2niix"),
    (0, b"NRRD", "an NRRD image", "save it as NIfTI in the program that made it"),
    (0, b"ObjectType", META_IMAGE, "save it as NIfTI in the program that made it"),
    (0, b"NDims", META_IMAGE, "save it as NIfTI in the program that made it"),
    (0, b"mrtrix image", "an MRtrix image", "convert it with: mrconvert IN.mif OUT.nii.gz"),
    (0, b"\x89HDF", "a MINC or HDF5 file", "convert it with: mnc2nii"),
    (0, b"CDF\x01", "a MINC or HDF5 file", "convert it with: mnc2nii"),
    (
        0,
        b"\x93NUMPY",
        "a NumPy array, which does not say how it lies in the body",
        "save it as NIfTI with nibabel",
    ),
    (0, b"MATLAB 5.0", "a MATLAB file", "save the image in it as NIfTI"),
    (0, b"PK\x03\x04", "a zip archive", UNPACK),
    (257, b"ustar", "a tar archive", UNPACK),
    (0, b"7z\xbc\xaf", "a 7z archive", UNPACK),
    (0, b"BZh", "compressed with bzip2", UNPACK),
    (0, b"\xfd7zXZ", "compressed with xz", UNPACK),
    (0, b"\x28\xb5\x2f\xfd", "compressed with zstd", UNPACK),
    (0, b"\x89PNG", "a PNG picture", "choose the image that it was made from"),
    (0, b"\xff\xd8\xff", "a JPEG picture", "choose the image that it was made from"),
    (0, b"%PDF", "a PDF document", "choose the image itself"),
];
const META_IMAGE: &str = "a MetaImage (.mha, .mhd)";
const UNPACK: &str = "unpack it first";

/// Formats whose content has no mark of its own, by the ending of the name.
const ENDINGS: [(&[&str], &str, &str); 3] = [
    (&["dcm", "ima"], "probably a DICOM file", "convert the series to NIfTI, for example with dcm2niix"),
    (&["brik", "head"], "probably an AFNI image", "convert it with: 3dAFNItoNIFTI"),
    (&["par", "rec"], "probably a Philips PAR/REC image", "convert it to NIfTI, for example with dcm2niix"),
];

/// Says what a file is, as far as its first bytes and its ending show; `readable` lists the endings that can be opened.
pub(super) fn describe(start: &[u8], path: &Path, readable: &str) -> String {
    let marked =
        |(at, mark, ..): &&(usize, &[u8], _, _)| start.get(*at..).is_some_and(|rest| rest.starts_with(mark));
    let text = String::from_utf8_lossy(start).trim_start().to_lowercase();
    let ending = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    let page = ["<!doctype", "<html", "<?xml"].iter().any(|opening| text.starts_with(opening));
    let (what, way_out) = if let Some(&(_, _, what, way_out)) = MARKS.iter().find(marked) {
        (what, way_out)
    } else if page && text.contains("<gifti") {
        ("a GIFTI surface, not an image", "choose the volume that it was made from")
    } else if page {
        ("a web page, probably the error of a failed download", "download the image again")
    } else if let Some(&(_, what, way_out)) = ENDINGS.iter().find(|(of, ..)| of.contains(&ending.as_str())) {
        (what, way_out)
    } else {
        return format!("this is no image that Exemplar knows; it reads {readable}.");
    };
    format!("this is {what}; {way_out}.")
}
