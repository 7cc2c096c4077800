//! Reads and writes safetensors in f32 or f16.

use super::{Array, Unreadable, Weights};
use half::f16;
use imaging::io::replace::replace_file;
use imaging::{Result, memory};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

/// Named arrays and metadata.
pub type Contents = (BTreeMap<String, Array>, BTreeMap<String, String>);

/// Type of the numbers in a written file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// 32 bits, as published.
    F32,
    /// 16 bits, half the size.
    F16,
}

/// Reads a file's arrays and metadata.
pub fn read(bytes: &[u8]) -> Result<Contents, Unreadable> {
    let not_one = |error| format!("This is neither a safetensors file nor a Lightning checkpoint ({error}).");
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(not_one)?;
    let file = SafeTensors::deserialize(bytes).map_err(not_one)?;
    let mut arrays = BTreeMap::new();
    for (name, view) in file.tensors() {
        let (bytes, half) = (view.data().as_chunks::<4>().0, view.data().as_chunks::<2>().0);
        let values = match view.dtype() {
            Dtype::F32 => memory::collect(bytes.iter().map(|b| f32::from_le_bytes(*b))),
            Dtype::F16 => memory::collect(half.iter().map(|b| f16::from_le_bytes(*b).to_f32())),
            other => {
                return Err(
                    format!("The tensor {name} is of type {other:?}; f32 and f16 are understood.").into()
                );
            }
        };
        arrays.insert(name, Array { shape: view.shape().to_vec(), values: values? });
    }
    let metadata = header.metadata().clone().unwrap_or_default();
    Ok((arrays, metadata.into_iter().collect()))
}

/// Writes weights under their public names with the leading `net.`, to a temporary file that then replaces the
/// destination.
pub fn write(path: &Path, weights: &Weights, precision: Precision) -> Result<()> {
    let bytes_of = |array: &Array| -> Vec<u8> {
        match precision {
            Precision::F32 => array.values.iter().flat_map(|v| v.to_le_bytes()).collect(),
            Precision::F16 => array.values.iter().flat_map(|v| f16::from_f32(*v).to_le_bytes()).collect(),
        }
    };
    let dtype = if precision == Precision::F32 { Dtype::F32 } else { Dtype::F16 };
    let data: Vec<_> = weights.arrays.iter().map(|(name, array)| (name, array, bytes_of(array))).collect();
    let views = data.iter().map(|(name, array, bytes)| {
        let view = TensorView::new(dtype, array.shape.clone(), bytes).expect("bytes fit the shape");
        (format!("net.{name}"), view)
    });
    let metadata: HashMap<String, String> = weights.metadata.clone().into_iter().collect();
    let file = safetensors::serialize(views, (!metadata.is_empty()).then_some(metadata))
        .expect("names are unique and shapes fit");
    replace_file(path, |out| out.write_all(&file))
}
