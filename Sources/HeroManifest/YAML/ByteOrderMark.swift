/// The byte order mark of UTF-8.
enum ByteOrderMark {
    /// Whether the bytes begin with a byte order mark.
    static func isPresent(_ bytes: [UInt8]) -> Bool {
        bytes.count >= 3 && bytes[0] == 0xEF && bytes[1] == 0xBB && bytes[2] == 0xBF
    }
}
