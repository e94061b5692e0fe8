//! The envelope: values under versioned data keys, data keys under a key provider.
