//! The foreground of an image: the box of its largest bright component.

use imaging::statistics::otsu;
use imaging::{Result, Volume, memory};
use std::ops::Range;

/// A box of voxels: first index and one past the last along x, y, z.
pub type Extent = [Range<usize>; 3];

/// The box around the largest connected component (six neighbours) brighter than Otsu's threshold;
/// the whole image if it is constant.
pub fn foreground(image: &Volume) -> Result<Extent> {
    let [nx, ny, nz] = image.grid.shape;
    let rows = memory::collect(image.voxels.chunks(nx.max(1)))?;
    let whole = [0..nx, 0..ny, 0..nz];
    let Some(threshold) = otsu(&rows) else { return Ok(whole) };
    Ok(Runs::find(&rows, ny, threshold)?.largest()?.unwrap_or(whole))
}

/// Bright runs of rows, joined into connected components.
#[derive(Default)]
struct Runs {
    /// Row number (y + ny · z) and range along x.
    runs: Vec<(usize, Range<usize>)>,
    /// Union-find: another run of the same component, or the run itself at a root.
    parent: Vec<usize>,
    ny: usize,
}

impl Runs {
    fn find(rows: &[&[f32]], ny: usize, threshold: f32) -> Result<Self> {
        let mut all = Self { ny, ..Self::default() };
        // Index in `runs` of each row's first run.
        let mut first = memory::with_capacity(rows.len())?;
        for (number, row) in rows.iter().enumerate() {
            first.push(all.runs.len());
            let mut x = 0;
            while let Some(skip) = row[x..].iter().position(|&v| v > threshold) {
                let start = x + skip;
                let end = row[start..].iter().position(|&v| v <= threshold).map_or(row.len(), |n| start + n);
                memory::push(&mut all.parent, all.runs.len())?;
                memory::push(&mut all.runs, (number, start..end))?;
                x = end;
            }
            let own = first[number]..all.runs.len();
            if number % ny > 0 {
                all.join(first[number - 1]..first[number], own.clone());
            }
            if number >= ny {
                all.join(first[number - ny]..first[number - ny + 1], own);
            }
        }
        Ok(all)
    }

    /// Joins the runs of two rows where they touch; both lists ascend along x.
    fn join(&mut self, a: Range<usize>, b: Range<usize>) {
        let (mut i, mut j) = (a.start, b.start);
        while i < a.end && j < b.end {
            let (left, right) = (self.runs[i].1.clone(), self.runs[j].1.clone());
            if left.start < right.end && right.start < left.end {
                let (p, q) = (self.root(i), self.root(j));
                self.parent[p.max(q)] = p.min(q);
            }
            if left.end < right.end { i += 1 } else { j += 1 }
        }
    }

    fn root(&mut self, mut run: usize) -> usize {
        while self.parent[run] != run {
            self.parent[run] = self.parent[self.parent[run]];
            run = self.parent[run];
        }
        run
    }

    fn largest(mut self) -> Result<Option<Extent>> {
        let mut sizes: Vec<usize> = memory::zeros(self.runs.len())?;
        for run in 0..self.runs.len() {
            let root = self.root(run);
            sizes[root] += self.runs[run].1.len();
        }
        // The first of equals, so that the result is deterministic.
        let best = (0..sizes.len()).max_by_key(|&run| (sizes[run], usize::MAX - run));
        let mut extent: Option<Extent> = None;
        for run in 0..self.runs.len() {
            if Some(self.root(run)) == best {
                let (row, x) = self.runs[run].clone();
                let (y, z) = (row % self.ny, row / self.ny);
                let own = [x, y..y + 1, z..z + 1];
                extent = Some(extent.map_or(own.clone(), |e| hull(e, own)));
            }
        }
        Ok(extent)
    }
}

fn hull(a: Extent, b: Extent) -> Extent {
    std::array::from_fn(|i| a[i].start.min(b[i].start)..a[i].end.max(b[i].end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use imaging::Grid;

    #[test]
    fn the_box_follows_the_largest_component_around_corners_and_ignores_specks() {
        let grid = Grid { shape: [12, 10, 8], world_from_voxel: Default::default() };
        let mut image = Volume { grid, voxels: vec![1.0; grid.len()] };
        // A U in the plane z = 3 whose arms meet only at the far end, a bridge upwards, and a separate speck.
        let arms = (2..8).flat_map(|y| [[2, y, 3], [9, y, 3]]);
        let bottom = (2..10).map(|x| [x, 7, 3]);
        let bridge = (3..7).map(|z| [9, 2, z]);
        for voxel in arms.chain(bottom).chain(bridge).chain([[0, 0, 0], [11, 9, 7]]) {
            image.voxels[grid.index(voxel)] = 50.0;
        }
        assert_eq!(foreground(&image).unwrap(), [2..10, 2..8, 3..7]);
        image.voxels.fill(4.0);
        assert_eq!(foreground(&image).unwrap(), [0..12, 0..10, 0..8]);
    }
}
