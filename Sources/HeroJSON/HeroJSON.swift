// Rule: a JSON value is written byte for byte as it was built.
//
// HeroJSON has the JSON value of all outputs and schemas, its writer, and the types from which the schemas of the
// outputs are made. It imports nothing.
