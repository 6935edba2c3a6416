internal import GRDB

/// The arguments of a statement; nil is NULL.
typealias SQLArguments = [(any DatabaseValueConvertible)?]

/// A statement that inserts a row, or updates the row with the same key.
///
/// INSERT OR REPLACE would delete the row first and change every index.
///
/// - Parameters:
///   - table: The table.
///   - key: The columns of its primary key.
///   - fixed: Columns that never change; an update of them would rewrite their indexes.
///   - columns: All columns that are written.
/// - Returns: The SQL, with a parameter for each column.
func upsert(into table: String, key: [String], fixed: [String] = [], _ columns: [String]) -> String {
    let updates = columns.filter { !key.contains($0) && !fixed.contains($0) }.map { "\"\($0)\" = excluded.\"\($0)\"" }
    return """
        INSERT INTO \(table) (\(columnList(columns))) VALUES (\(columns.map { _ in "?" }.joined(separator: ", ")))
        ON CONFLICT (\(columnList(key))) DO UPDATE SET \(updates.joined(separator: ", "))
        """
}

/// A list of quoted column names.
func columnList(_ columns: [String]) -> String {
    columns.map { "\"\($0)\"" }.joined(separator: ", ")
}
