"""An independent reader of the geometry promise, on nibabel.

    independent_reader.py create FOLDER   240 targets (48 axis orders and flips, 5 kinds of grid), each with one bright voxel
    independent_reader.py check FOLDER    every MASK (NAME_mask.nii.gz) repeats its target's geometry byte for byte
                                          and marks the same world point within half a voxel
    independent_reader.py create-mgh FOLDER   the same 240 grids as MGH and MGZ, NAME.mgz, each beside NAME.nii with the
                                              first volume and the affine that nibabel reads
    independent_reader.py check-mgh FOLDER    every mask (NAME_mask.nii.gz) lies on its target's grid and holds its labels

Targets alternate between uint8, int16 and float32, and between sform only, qform only and both
(never qform only where the grid is sheared: a quaternion cannot say that).
"""
import gzip
import itertools
import pathlib
import sys

import nibabel as nib
import numpy as np

SHAPE = (12, 15, 9)
MARK = (8, 4, 6)
# Bytes of a NIfTI-1 header that an export may change: rank and dimensions beyond the third, intent, type,
# offset and scaling, display range, intent name, magic.
MAY_CHANGE = [(40, 42), (48, 74), (108, 120), (124, 132), (328, 348)]


def kinds():
    turn = nib.eulerangles.euler2mat(0.3, -0.2, 0.4)
    shear = np.eye(3)
    shear[0, 1] = 0.2
    yield "isotropic", np.diag([1.5, 1.5, 1.5])
    yield "anisotropic", np.diag([0.8, 1.2, 4.0])
    yield "oblique", turn @ np.diag([0.9, 1.1, 2.5])
    yield "sheared", shear @ np.diag([1.0, 1.3, 2.0])
    yield "left-handed", turn @ np.diag([-1.0, 1.0, 2.0])


def affines():
    for kind, base in kinds():
        for order in itertools.permutations(range(3)):
            for signs in itertools.product([1, -1], repeat=3):
                affine = np.eye(4)
                affine[:3, :3] = base[:, order] * signs
                affine[:3, 3] = [-31.25, 17.5, 42.75]
                yield kind, affine


def create(folder):
    for number, (kind, affine) in enumerate(affines()):
        dtype = [np.uint8, np.int16, np.float32][number % 3]
        voxels = np.full(SHAPE, 10, dtype)
        voxels[MARK] = 100
        image = nib.Nifti1Image(voxels, affine)
        form = number % 4 if kind != "sheared" else 0
        image.set_sform(affine, 0 if form == 1 else 2)
        image.set_qform(affine, 0 if form in (0, 2) else 1)
        image.header.set_xyzt_units("mm", "sec")
        nib.save(image, folder / f"{kind}_{number:03}.nii.gz")


def check(folder):
    targets = sorted(path for path in folder.glob("*.nii.gz") if "_mask" not in path.name)
    assert len(targets) == 240, len(targets)
    for path in targets:
        exported = path.with_name(path.name.replace(".nii.gz", "_mask.nii.gz"))
        theirs, ours = (bytearray(gzip.open(name).read(348)) for name in (path, exported))
        for start, end in MAY_CHANGE:
            theirs[start:end] = ours[start:end] = bytes(end - start)
        assert theirs == ours, f"{exported.name}: header bytes differ"
        target, mask = nib.load(path), nib.load(exported)
        assert mask.get_data_dtype() == np.uint8 and mask.shape == target.shape, exported.name
        assert (mask.header.get_slope_inter()) in [(1.0, 0.0), (None, None)], exported.name
        found = np.argwhere(np.asanyarray(mask.dataobj) > 0)
        assert len(found) == 1, exported.name
        there = nib.affines.apply_affine(mask.affine, found[0])
        meant = nib.affines.apply_affine(target.affine, MARK)
        half = 0.5 * min(nib.affines.voxel_sizes(target.affine))
        assert np.linalg.norm(there - meant) <= half, f"{exported.name}: {there} is not {meant}"
    print(len(targets), "masks agree")


def create_mgh(folder):
    random = np.random.default_rng(1)
    for number, (kind, affine) in enumerate(affines()):
        dtype = [np.uint8, np.int16, np.int32, np.float32][number % 4]
        shape = SHAPE + (2,) if number % 5 == 0 else SHAPE
        # Labels of FreeSurfer, up to 2035, in blocks of three voxels.
        labels = random.choice([0, 2, 17, 53, 251] if dtype == np.uint8 else [0, 2, 17, 1035, 2035], size=(4, 5, 3) + shape[3:])
        voxels = labels.repeat(3, 0).repeat(3, 1).repeat(3, 2).astype(dtype)
        path = folder / f"{kind}_{number:03}.{'mgh' if number % 7 == 0 else 'mgz'}"
        nib.save(nib.MGHImage(voxels, affine), path)
        stored = nib.load(path)
        first = np.asanyarray(stored.dataobj).reshape(SHAPE + (-1,))[..., 0]
        nib.save(nib.Nifti1Image(first.astype(np.float32), stored.affine), path.with_suffix(".nii"))


def check_mgh(folder):
    targets = sorted(path for path in folder.iterdir() if path.suffix in (".mgh", ".mgz"))
    assert len(targets) == 240, len(targets)
    for path in targets:
        target, mask = nib.load(path), nib.load(folder / f"{path.stem}_mask.nii.gz")
        assert np.allclose(mask.affine, target.affine, atol=1e-4), f"{path.name}: {mask.affine} {target.affine}"
        first = np.asanyarray(target.dataobj).reshape(SHAPE + (-1,))[..., 0]
        assert np.array_equal(np.asanyarray(mask.dataobj), first), path.name
    print(len(targets), "masks agree")


if __name__ == "__main__":
    steps = {"create": create, "check": check, "create-mgh": create_mgh, "check-mgh": check_mgh}
    steps[sys.argv[1]](pathlib.Path(sys.argv[2]))
