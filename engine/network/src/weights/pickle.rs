//! Reads a pickle as data: a small stack machine that builds values and executes nothing.
//!
//! Globals, and the calls that a pickle would make with them, become inert values; the reader of checkpoints searches
//! for the few patterns that it knows. Protocols 2 to 5 as PyTorch writes them (specification: Python's `pickletools`).

use std::collections::HashMap;
use std::rc::Rc;

/// Maximum number of values that a pickle may build; official checkpoints need some ten thousand.
const LIMIT: usize = 4_000_000;

/// A value of a pickle. Containers are shared, since the memo may fetch them while they are being filled.
#[derive(Clone, Debug)]
pub enum Value {
    /// None, or a value without data that checkpoints need.
    Nothing,
    /// A number, also a boolean.
    Int(i64),
    /// A text.
    Text(Rc<str>),
    /// A tuple.
    Tuple(Rc<[Value]>),
    /// A list.
    List(Rc<std::cell::RefCell<Vec<Value>>>),
    /// A dictionary in order, also an OrderedDict.
    Dict(Rc<std::cell::RefCell<Vec<(Value, Value)>>>),
    /// `module.name`, never looked up.
    Global(Rc<str>),
    /// A global with the arguments of its call.
    Call(Rc<str>, Rc<[Value]>),
    /// A persistent reference, to a storage in checkpoints.
    Persistent(Rc<[Value]>),
}

impl Value {
    /// The value behind a text key of a dictionary.
    pub fn get(&self, key: &str) -> Option<Value> {
        let Self::Dict(items) = self else { return None };
        let items = items.borrow();
        items.iter().find(|(k, _)| matches!(k, Self::Text(t) if **t == *key)).map(|(_, value)| value.clone())
    }
}

/// An entry of the stack.
enum Entry {
    Mark,
    Value(Value),
}

/// The contents of a pickle.
pub struct Pickle {
    /// The value at the top.
    pub root: Value,
    _kept: Kept,
}

/// Every container that was built. Values may be nested a million levels deep or form cycles. Holding all of them here
/// allows dropping them one by one; dropping the outermost one would recurse until the stack overflows.
#[derive(Default)]
struct Kept(Vec<Value>);

impl Drop for Kept {
    fn drop(&mut self) {
        for value in &self.0 {
            match value {
                Value::List(items) => drop(items.take()),
                Value::Dict(items) => drop(items.take()),
                _ => {}
            }
        }
        // An immutable value is newer than its contents.
        while self.0.pop().is_some() {}
    }
}

/// Reads one pickle.
pub fn parse(bytes: &[u8]) -> Result<Pickle, String> {
    let (stack, memo, kept) = (Vec::new(), HashMap::new(), Kept::default());
    let mut machine = Machine { bytes, at: 0, stack, memo, built: 0, kept };
    let root =
        machine.run().ok_or_else(|| format!("The checkpoint's index is damaged at byte {}.", machine.at))?;
    Ok(Pickle { root, _kept: machine.kept })
}

struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    stack: Vec<Entry>,
    memo: HashMap<u32, Value>,
    built: usize,
    /// Declared last, so that it outlives stack and memo.
    kept: Kept,
}

impl Machine<'_> {
    /// `None` if the pickle is damaged or uses a feature that no checkpoint needs.
    fn run(&mut self) -> Option<Value> {
        loop {
            self.built += 1;
            let opcode = self.take(1)?[0];
            match opcode {
                b'.' => return self.pop(),
                0x80 => drop(self.take(1)?),
                0x95 => drop(self.take(8)?),
                b'(' => self.stack.push(Entry::Mark),
                b'0' => drop(self.stack.pop()?),
                b'1' => drop(self.pop_mark()?),
                b'2' => {
                    let top = self.pop()?;
                    self.push(top.clone());
                    self.push(top);
                }
                b'N' => self.push(Value::Nothing),
                0x88 => self.push(Value::Int(1)),
                0x89 => self.push(Value::Int(0)),
                b'K' => self.int(1)?,
                b'M' => self.int(2)?,
                b'J' => {
                    let value = i32::from_le_bytes(self.array()?);
                    self.push(Value::Int(value.into()));
                }
                0x8a => {
                    let length = self.length(1)?;
                    let bytes = self.take(length)?;
                    // Longer integers (random states) are not needed.
                    let value = signed(bytes).map_or(Value::Nothing, Value::Int);
                    self.push(value);
                }
                b'G' => {
                    self.take(8)?;
                    self.push(Value::Nothing);
                }
                b'X' => self.text(4)?,
                0x8c => self.text(1)?,
                0x8d => self.text(8)?,
                b'U' => self.text(1)?,
                b'T' => self.text(4)?,
                b'C' => self.skip(1)?,
                b'B' => self.skip(4)?,
                0x8e | 0x96 => self.skip(8)?,
                b')' => self.push(Value::Tuple([].into())),
                b't' => {
                    let items = self.pop_mark()?;
                    self.push(Value::Tuple(items.into()));
                }
                0x85..=0x87 => {
                    let count = usize::from(opcode - 0x84);
                    let start = self.stack.len().checked_sub(count)?;
                    let items = self.values(start)?;
                    self.push(Value::Tuple(items.into()));
                }
                b']' => self.push(Value::List(Rc::default())),
                b'l' => {
                    let items = self.pop_mark()?;
                    self.push(Value::List(Rc::new(items.into())));
                }
                b'a' => {
                    let item = self.pop()?;
                    self.extend(vec![item])?;
                }
                b'e' => {
                    let items = self.pop_mark()?;
                    self.extend(items)?;
                }
                b'}' => self.push(Value::Dict(Rc::default())),
                b'd' => {
                    let items = self.pop_mark()?;
                    self.push(Value::Dict(Rc::default()));
                    self.set(items)?;
                }
                b's' => {
                    let value = self.pop()?;
                    let key = self.pop()?;
                    self.set(vec![key, value])?;
                }
                b'u' => {
                    let items = self.pop_mark()?;
                    self.set(items)?;
                }
                0x8f => self.push(Value::List(Rc::default())),
                0x90 => {
                    let items = self.pop_mark()?;
                    self.extend(items)?;
                }
                b'c' => {
                    let (module, name) = (self.line()?, self.line()?);
                    self.push(Value::Global(format!("{module}.{name}").into()));
                }
                0x93 => {
                    let (Value::Text(name), Value::Text(module)) = (self.pop()?, self.pop()?) else {
                        return None;
                    };
                    self.push(Value::Global(format!("{module}.{name}").into()));
                }
                b'R' | 0x81 => {
                    let (Value::Tuple(arguments), callee) = (self.pop()?, self.pop()?) else { return None };
                    self.call(callee, arguments);
                }
                // The state of an object: kept for dictionaries only.
                b'b' => drop(self.pop()?),
                b'Q' => {
                    let Value::Tuple(reference) = self.pop()? else { return None };
                    self.push(Value::Persistent(reference));
                }
                b'q' => self.remember(1)?,
                b'r' => self.remember(4)?,
                0x94 => {
                    let value = self.top()?.clone();
                    self.memo.insert(self.memo.len() as u32, value);
                }
                b'h' => self.recall(1)?,
                b'j' => self.recall(4)?,
                _ => return None,
            }
            if self.built > LIMIT {
                return None;
            }
        }
    }

    fn call(&mut self, callee: Value, arguments: Rc<[Value]>) {
        self.push(match callee {
            Value::Global(name) if &*name == "collections.OrderedDict" => Value::Dict(Rc::default()),
            Value::Global(name) => Value::Call(name, arguments),
            _ => Value::Nothing,
        });
    }

    fn take(&mut self, count: usize) -> Option<&[u8]> {
        let end = self.at.checked_add(count)?;
        let bytes = self.bytes.get(self.at..end)?;
        self.at = end;
        Some(bytes)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    /// An unsigned number of `width` bytes.
    fn length(&mut self, width: usize) -> Option<usize> {
        let bytes = self.take(width)?;
        Some(bytes.iter().rev().fold(0usize, |n, &byte| n << 8 | usize::from(byte)))
    }

    fn int(&mut self, width: usize) -> Option<()> {
        let value = self.length(width)?;
        self.push(Value::Int(value as i64));
        Some(())
    }

    fn text(&mut self, width: usize) -> Option<()> {
        let length = self.length(width)?;
        let text = String::from_utf8_lossy(self.take(length)?).into_owned();
        self.push(Value::Text(text.into()));
        Some(())
    }

    fn skip(&mut self, width: usize) -> Option<()> {
        let length = self.length(width)?;
        self.take(length)?;
        self.push(Value::Nothing);
        Some(())
    }

    fn line(&mut self) -> Option<String> {
        let rest = self.bytes.get(self.at..)?;
        let length = rest.iter().position(|&byte| byte == b'\n')?;
        let line = String::from_utf8_lossy(&rest[..length]).into_owned();
        self.at += length + 1;
        Some(line)
    }

    fn push(&mut self, value: Value) {
        if !matches!(value, Value::Nothing | Value::Int(_) | Value::Text(_) | Value::Global(_)) {
            self.kept.0.push(value.clone());
        }
        self.stack.push(Entry::Value(value));
    }

    fn pop(&mut self) -> Option<Value> {
        match self.stack.pop()? {
            Entry::Value(value) => Some(value),
            Entry::Mark => None,
        }
    }

    fn top(&self) -> Option<&Value> {
        match self.stack.last()? {
            Entry::Value(value) => Some(value),
            Entry::Mark => None,
        }
    }

    fn values(&mut self, start: usize) -> Option<Vec<Value>> {
        let value = |entry| if let Entry::Value(value) = entry { Some(value) } else { None };
        self.stack.drain(start..).map(value).collect()
    }

    fn pop_mark(&mut self) -> Option<Vec<Value>> {
        let mark = self.stack.iter().rposition(|entry| matches!(entry, Entry::Mark))?;
        let items = self.values(mark + 1)?;
        self.stack.pop();
        Some(items)
    }

    fn extend(&mut self, items: Vec<Value>) -> Option<()> {
        match self.top()? {
            Value::List(list) => list.borrow_mut().extend(items),
            // A list-like object of an unknown class.
            _ => drop(items),
        }
        Some(())
    }

    fn set(&mut self, items: Vec<Value>) -> Option<()> {
        if items.len() % 2 == 1 {
            return None;
        }
        if let Value::Dict(dict) = self.top()? {
            let mut items = items.into_iter();
            while let (Some(key), Some(value)) = (items.next(), items.next()) {
                dict.borrow_mut().push((key, value));
            }
        }
        Some(())
    }

    fn remember(&mut self, width: usize) -> Option<()> {
        let slot = self.length(width)? as u32;
        let value = self.top()?.clone();
        self.memo.insert(slot, value);
        Some(())
    }

    fn recall(&mut self, width: usize) -> Option<()> {
        let slot = self.length(width)? as u32;
        let value = self.memo.get(&slot)?.clone();
        self.push(value);
        Some(())
    }
}

/// A little-endian two's complement integer of at most eight bytes.
fn signed(bytes: &[u8]) -> Option<i64> {
    let negative = bytes.last().is_some_and(|byte| byte & 0x80 != 0);
    let mut wide = if negative { [0xff; 8] } else { [0; 8] };
    wide.get_mut(..bytes.len())?.copy_from_slice(bytes);
    Some(i64::from_le_bytes(wide))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pickle_is_data_however_it_nests() {
        // os.system('true'), a typical attack: an inert value.
        let attack = parse(b"\x80\x02cos\nsystem\nU\x04true\x85R.").unwrap();
        assert!(matches!(&attack.root, Value::Call(name, _) if &**name == "os.system"));
        // A million nested tuples; the same with lists; and a list that contains itself.
        let nested = [b")".as_slice(), &[0x85; 1_000_000], b"."].concat();
        assert!(matches!(parse(&nested).unwrap().root, Value::Tuple(_)));
        let lists = [vec![b']'; 300_000], vec![b'a'; 299_999], vec![b'.']].concat();
        assert!(matches!(parse(&lists).unwrap().root, Value::List(_)));
        assert!(parse(b"]q\x00h\x00a.").is_ok());
        assert!(parse(&[b'('; 5_000_000]).is_err());
    }
}
