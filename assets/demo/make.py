"""Makes the demo case: python make.py AOMIC_FOLDER, the folder with sub-0001 and sub-0002 (needs nibabel and numpy).

Each image is cut to 80 mm cubes around the deep grey structures of that subject, on the original 1 mm voxels and in
the original axis order; nothing is resampled. Left and right structures are merged.
"""
import sys
from pathlib import Path

import nibabel as nib
import numpy as np

STRUCTURES = [  # value and name here, values in FreeSurfer's aseg (left, right)
    (1, "Thalamus", [10, 49]),
    (2, "Caudate", [11, 50]),
    (3, "Putamen", [12, 51]),
    (4, "Hippocampus", [17, 53]),
    (5, "Brain stem", [16]),
]
CENTRED_ON = [10, 49, 11, 50, 12, 51, 17, 53]
HALF = 40


def cut(subject: Path, name: str) -> None:
    image, labels = nib.load(subject / "brain.nii.gz"), nib.load(subject / "aseg.nii.gz")
    assert np.allclose(image.affine, labels.affine) and image.shape == labels.shape
    segmentation = np.rint(labels.get_fdata()).astype(int)
    deep = np.nonzero(np.isin(segmentation, CENTRED_ON))
    box = tuple(slice(c - HALF, c + HALF) for c in ((i.min() + i.max() + 1) // 2 for i in deep))
    affine = image.affine.copy()
    affine[:3, 3] += affine[:3, :3] @ [s.start for s in box]
    merged = np.zeros([2 * HALF] * 3, np.uint8)
    for value, _, originals in STRUCTURES:
        merged[np.isin(segmentation[box], originals)] = value
    for suffix, voxels in [("", np.asarray(image.dataobj)[box].astype(np.uint8)), ("_label", merged)]:
        out = nib.Nifti1Image(voxels, affine)
        out.header.set_xyzt_units("mm")
        nib.save(out, here / f"{name}{suffix}.nii.gz")


here = Path(__file__).parent
source = Path(sys.argv[1])
cut(source / "sub-0001", "target")
cut(source / "sub-0002", "example")
rows = "".join(f"{value}\t{name}\n" for value, name, _ in STRUCTURES)
(here / "labels.tsv").write_text("value\tname\n" + rows)
