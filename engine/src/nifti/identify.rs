//! What to call a file: formats that are not NIfTI, names of types, and oddities worth a warning.

use super::fault::Checked;
use super::fields::Fields;
use nifti::Endianness;

/// Says what a file is that does not start as NIfTI does, as far as its first bytes tell.
pub(super) fn foreign(start: &[u8]) -> String {
    let is = |at: usize, mark: &[u8]| start.get(at..).is_some_and(|rest| rest.starts_with(mark));
    let text = String::from_utf8_lossy(start).trim_start().to_lowercase();
    let (what, way_out) = if is(0, &[0, 0, 0, 1]) && start.len() >= 284 {
        ("a FreeSurfer MGH/MGZ image", "convert it with: mri_convert IN.mgz OUT.nii.gz")
    } else if is(128, b"DICM") {
        ("a DICOM file", "convert the series to NIfTI, for example with dcm2niix")
    } else if is(0, b"NRRD") {
        ("an NRRD image", "save it as NIfTI in the program that made it")
    } else if is(0, b"\x89HDF") || is(0, b"CDF\x01") {
        ("a MINC or HDF5 file", "convert it with: mnc2nii")
    } else if is(0, b"PK\x03\x04") {
        ("a zip archive", "unpack it first")
    } else if text.starts_with("<!doctype") || text.starts_with("<html") || text.starts_with("<?xml") {
        ("a web page, probably the error of a failed download", "download the image again")
    } else {
        ("not a NIfTI image", "choose a .nii, .nii.gz, .hdr or .img file")
    };
    format!("this is {what}; {way_out}.")
}

/// `NIfTI-1, compressed, …`
pub(super) fn format_name(fields: &Fields, compressed: bool) -> String {
    let marks = [
        (!fields.single_file, ", pair of files"),
        (compressed, ", compressed"),
        (fields.order == Endianness::Big, ", big-endian"),
    ];
    let marks: String = marks.into_iter().filter(|(applies, _)| *applies).map(|(_, mark)| mark).collect();
    format!("NIfTI-{}{marks}", fields.version)
}

/// `int16 × 0.37 − 5`
pub(super) fn type_name(fields: &Fields) -> Checked<String> {
    let name = format!("{:?}", fields.voxel_type()?).to_lowercase();
    Ok(match fields.scaling() {
        None => name,
        // NIfTI-1 stores the scaling in 32 bits; more digits would be noise.
        Some((slope, 0.0)) => format!("{name} × {}", slope as f32),
        Some((slope, inter)) if inter < 0.0 => format!("{name} × {} − {}", slope as f32, -inter as f32),
        Some((slope, inter)) => format!("{name} × {} + {}", slope as f32, inter as f32),
    })
}

/// Sentences about what is odd in a header and was read nevertheless.
pub(super) fn oddities(fields: &Fields, shape: [usize; 3], frames: usize, frame: usize) -> Vec<String> {
    let unit = match fields.units & 7 {
        1 => Some("metres"),
        3 => Some("micrometres"),
        _ => None,
    };
    let units = unit.map(|unit| {
        format!("The header gives lengths in {unit}; they were read as millimetres, as other programs do.")
    });
    let series = (frames > 1)
        .then(|| format!("The file is a series of {frames} volumes; volume {} was taken.", frame + 1));
    let flat = shape
        .contains(&1)
        .then(|| "The image is a single slice, so there is nothing to see in depth.".into());
    let intercept = (!fields.inter.is_finite() && fields.scaling().is_some())
        .then(|| "The intercept of the scaling is no number; 0 was taken.".into());
    [units, series, flat, intercept].into_iter().flatten().collect()
}
