//! The `state_dict` of a PyTorch Lightning checkpoint: a zip archive with an index (a pickle, parsed as data and
//! never executed) and one file of raw numbers for each storage.

use super::Array;
use super::Unreadable;
use super::pickle::{self, Value};
use super::safetensors::Contents;
use half::{bf16, f16};
use imaging::memory;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{Cursor, Read};
use zip::ZipArchive;

/// Maximum unpacked bytes of one entry of the archive; the published model's largest storage has 30 MB.
const ENTRY_LIMIT: u64 = 1 << 32;

/// Maximum number of values in a state dictionary, shared storages counted each time; the published model has
/// 71 million.
const VALUES_LIMIT: usize = 1 << 30;

/// Reads the state dictionary.
pub fn read(bytes: &[u8]) -> Result<Contents, Unreadable> {
    let damaged = |error: &dyn std::fmt::Display| format!("This checkpoint cannot be unpacked ({error}).");
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|e| damaged(&e))?;
    let is_index = |name: &Cow<str>| name.ends_with("data.pkl");
    let index = archive.file_names().filter_map(Result::ok).find(is_index).map(Cow::into_owned);
    let index = index.ok_or("This archive is not a PyTorch checkpoint: it has no data.pkl.")?;
    let folder = index.strip_suffix("data.pkl").expect("the name ends so").to_owned();
    let mut unpack = |name: &str| -> Result<Vec<u8>, String> {
        let entry = archive.by_name(name).map_err(|_| format!("The checkpoint lacks its part {name}."))?;
        let mut content = Vec::new();
        entry.take(ENTRY_LIMIT).read_to_end(&mut content).map_err(|e| damaged(&e))?;
        Ok(content)
    };
    let index = pickle::parse(&unpack(&index)?)?;
    let state = index.root.get("state_dict").ok_or("The checkpoint has no state_dict, so no weights.")?;
    let Value::Dict(items) = state else {
        return Err("The checkpoint's state_dict is not a dictionary.".into());
    };
    let mut arrays = BTreeMap::new();
    let mut total = 0;
    for (key, value) in items.borrow().iter() {
        let Value::Text(name) = key else { return Err("A tensor of the checkpoint has no name.".into()) };
        let tensor = Tensor::find(value).ok_or_else(|| format!("The tensor {name} cannot be understood."))?;
        let storage = unpack(&format!("{folder}data/{}", tensor.storage))?;
        let array = tensor.gather(&storage).ok_or_else(|| format!("The tensor {name} is damaged."))??;
        total += array.values.len();
        if total > VALUES_LIMIT {
            return Err("The checkpoint holds more numbers than any Neuroverse3D network.".into());
        }
        arrays.insert(name.to_string(), array);
    }
    Ok((arrays, BTreeMap::new()))
}

/// The arguments of `torch._utils._rebuild_tensor_v2`.
struct Tensor {
    storage: String,
    /// `FloatStorage` and the like.
    kind: String,
    offset: usize,
    shape: Vec<usize>,
    strides: Vec<usize>,
}

impl Tensor {
    fn find(value: &Value) -> Option<Self> {
        let Value::Call(name, arguments) = value else { return None };
        match &**name {
            "torch._utils._rebuild_parameter" => match arguments.first()? {
                inner @ Value::Call(name, _) if &**name == "torch._utils._rebuild_tensor_v2" => {
                    Self::find(inner)
                }
                _ => None,
            },
            "torch._utils._rebuild_tensor_v2" => {
                let [
                    Value::Persistent(reference),
                    Value::Int(offset),
                    Value::Tuple(shape),
                    Value::Tuple(strides),
                    ..,
                ] = &**arguments
                else {
                    return None;
                };
                let [_, Value::Global(kind), Value::Text(storage), ..] = &**reference else { return None };
                Some(Self {
                    storage: storage.to_string(),
                    kind: kind.strip_prefix("torch.")?.to_owned(),
                    offset: (*offset).try_into().ok()?,
                    shape: sizes(shape)?,
                    strides: sizes(strides)?,
                })
            }
            _ => None,
        }
    }

    /// The tensor in C order; `None` if it does not fit its storage.
    fn gather(&self, storage: &[u8]) -> Option<imaging::Result<Array>> {
        let width = match self.kind.as_str() {
            "DoubleStorage" => 8,
            "FloatStorage" => 4,
            "HalfStorage" | "BFloat16Storage" => 2,
            _ => return None,
        };
        let number = |bytes: &[u8]| -> Option<f32> {
            Some(match self.kind.as_str() {
                "DoubleStorage" => f64::from_le_bytes(bytes.try_into().ok()?) as f32,
                "FloatStorage" => f32::from_le_bytes(bytes.try_into().ok()?),
                "HalfStorage" => f16::from_le_bytes(bytes.try_into().ok()?).to_f32(),
                _ => bf16::from_le_bytes(bytes.try_into().ok()?).to_f32(),
            })
        };
        let count = self.shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d))?;
        // A tensor with more elements than its storage would be a repeating view, which weights never are.
        if self.shape.len() != self.strides.len() || count > storage.len() / width {
            return None;
        }
        let mut values = match memory::with_capacity(count) {
            Ok(values) => values,
            Err(error) => return Some(Err(error)),
        };
        for i in 0..count {
            let mut rest = i;
            let mut at = self.offset;
            for (size, stride) in self.shape.iter().zip(&self.strides).rev() {
                at = at.checked_add((rest % size).checked_mul(*stride)?)?;
                rest /= size;
            }
            let start = at.checked_mul(width)?;
            values.push(number(storage.get(start..start.checked_add(width)?)?)?);
        }
        Some(Ok(Array { shape: self.shape.clone(), values }))
    }
}

fn sizes(values: &[Value]) -> Option<Vec<usize>> {
    let size = |value: &Value| if let Value::Int(n) = value { usize::try_from(*n).ok() } else { None };
    values.iter().map(size).collect()
}
