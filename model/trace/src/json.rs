//! How does a record look to people? As JSON, with zxids in the hexadecimal that ZooKeeper's tools print.
//!
//! A serializer of its own, because it alone sees the names of types: to `serde_json` a zxid is a number.

use serde::ser::{self, Serialize};
use serde_json::{Map, Number, Value};
use std::fmt;

#[cfg(test)]
mod tests;

/// The JSON of `value`.
///
/// # Panics
///
/// If `value` has a map whose keys are not strings, or serializes itself wrongly; the schema's types do
/// neither.
pub(crate) fn to_json<T: Serialize + ?Sized>(value: &T) -> Value {
    value
        .serialize(Json)
        .expect("the schema's types have a JSON form")
}

/// What a type's own `Serialize` may complain about.
#[derive(Debug)]
pub(crate) struct Complaint(String);

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Complaint {}

impl ser::Error for Complaint {
    fn custom<T: fmt::Display>(what: T) -> Self {
        Self(what.to_string())
    }
}

type Done = Result<Value, Complaint>;

struct Json;

macro_rules! numbers {
    ($($method:ident: $number:ty,)*) => {
        $(fn $method(self, value: $number) -> Done {
            Ok(Value::Number(Number::from(value)))
        })*
    };
}

impl ser::Serializer for Json {
    type Ok = Value;
    type Error = Complaint;
    type SerializeSeq = List;
    type SerializeTuple = List;
    type SerializeTupleStruct = List;
    type SerializeTupleVariant = List;
    type SerializeMap = Object;
    type SerializeStruct = Object;
    type SerializeStructVariant = Object;

    numbers! {
        serialize_i8: i8,
        serialize_i16: i16,
        serialize_i32: i32,
        serialize_i64: i64,
        serialize_u8: u8,
        serialize_u16: u16,
        serialize_u32: u32,
        serialize_u64: u64,
    }

    fn serialize_bool(self, value: bool) -> Done {
        Ok(Value::Bool(value))
    }

    fn serialize_f32(self, value: f32) -> Done {
        self.serialize_f64(value.into())
    }

    fn serialize_f64(self, value: f64) -> Done {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn serialize_char(self, value: char) -> Done {
        Ok(Value::String(value.into()))
    }

    fn serialize_str(self, value: &str) -> Done {
        Ok(Value::String(value.into()))
    }

    fn serialize_bytes(self, value: &[u8]) -> Done {
        Ok(Value::Array(
            value.iter().map(|byte| Value::from(*byte)).collect(),
        ))
    }

    fn serialize_none(self) -> Done {
        Ok(Value::Null)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Done {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Done {
        Ok(Value::Null)
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Done {
        Ok(Value::Null)
    }

    fn serialize_unit_variant(self, _name: &'static str, _index: u32, variant: &'static str) -> Done {
        Ok(Value::String(variant.into()))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, name: &'static str, value: &T) -> Done {
        let json = value.serialize(self)?;
        Ok(match (name, json.as_u64()) {
            ("Zxid", Some(bits)) => Value::String(format!("{bits:#x}")),
            _ => json,
        })
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Done {
        Ok(tagged(variant, value.serialize(self)?))
    }

    fn serialize_seq(self, _length: Option<usize>) -> Result<List, Complaint> {
        Ok(List::default())
    }

    fn serialize_tuple(self, _length: usize) -> Result<List, Complaint> {
        Ok(List::default())
    }

    fn serialize_tuple_struct(self, _name: &'static str, _length: usize) -> Result<List, Complaint> {
        Ok(List::default())
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _length: usize,
    ) -> Result<List, Complaint> {
        Ok(List {
            variant: Some(variant),
            items: Vec::new(),
        })
    }

    fn serialize_map(self, _length: Option<usize>) -> Result<Object, Complaint> {
        Ok(Object::default())
    }

    fn serialize_struct(self, _name: &'static str, _length: usize) -> Result<Object, Complaint> {
        Ok(Object::default())
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _length: usize,
    ) -> Result<Object, Complaint> {
        Ok(Object {
            variant: Some(variant),
            ..Object::default()
        })
    }
}

fn tagged(variant: &'static str, value: Value) -> Value {
    Value::Object(Map::from_iter([(variant.to_string(), value)]))
}

/// An array that is being collected.
#[derive(Default)]
struct List {
    variant: Option<&'static str>,
    items: Vec<Value>,
}

impl List {
    fn push<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Complaint> {
        self.items.push(value.serialize(Json)?);
        Ok(())
    }

    fn done(self) -> Done {
        let list = Value::Array(self.items);
        Ok(match self.variant {
            Some(variant) => tagged(variant, list),
            None => list,
        })
    }
}

macro_rules! list {
    ($($part:ident: $method:ident,)*) => {
        $(impl ser::$part for List {
            type Ok = Value;
            type Error = Complaint;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Complaint> {
                self.push(value)
            }

            fn end(self) -> Done {
                self.done()
            }
        })*
    };
}

list! {
    SerializeSeq: serialize_element,
    SerializeTuple: serialize_element,
    SerializeTupleStruct: serialize_field,
    SerializeTupleVariant: serialize_field,
}

/// An object that is being collected.
#[derive(Default)]
struct Object {
    variant: Option<&'static str>,
    key: String,
    fields: Map<String, Value>,
}

impl Object {
    fn done(self) -> Done {
        let object = Value::Object(self.fields);
        Ok(match self.variant {
            Some(variant) => tagged(variant, object),
            None => object,
        })
    }
}

macro_rules! object {
    ($($part:ident,)*) => {
        $(impl ser::$part for Object {
            type Ok = Value;
            type Error = Complaint;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), Complaint> {
                self.fields.insert(name.into(), value.serialize(Json)?);
                Ok(())
            }

            fn end(self) -> Done {
                self.done()
            }
        })*
    };
}

object! { SerializeStruct, SerializeStructVariant, }

impl ser::SerializeMap for Object {
    type Ok = Value;
    type Error = Complaint;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Complaint> {
        self.key = match key.serialize(Json)? {
            Value::String(key) => key,
            other => return Err(Complaint(format!("{other} is no key of a JSON object"))),
        };
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Complaint> {
        let key = std::mem::take(&mut self.key);
        self.fields.insert(key, value.serialize(Json)?);
        Ok(())
    }

    fn end(self) -> Done {
        self.done()
    }
}
