//! The recorded path of a server through the model: schema, writer and reader.
