/// Validates the bytes of a file before they are parsed: UTF-8 without control characters (YM-1).
enum EncodingValidator {
    /// The reason why bytes are refused.
    enum Problem {
        /// Invalid UTF-8 at this byte.
        case notUTF8(offset: Int)
        /// A control character.
        case controlCharacter(offset: Int, value: UInt32)
        /// UTF-16 or UTF-32.
        case wideEncoding
        /// Too many lines that begin with `%`.
        case tooManyDirectives(offset: Int)
    }

    /// Returns the first problem; nil if the bytes can be parsed.
    static func firstProblem(_ bytes: [UInt8]) -> Problem? {
        if isUTF16OrUTF32(bytes) { return .wideEncoding }
        return bytes.withUnsafeBufferPointer(scan)
    }

    private static func isUTF16OrUTF32(_ bytes: [UInt8]) -> Bool {
        guard bytes.count >= 2 else { return false }
        switch (bytes[0], bytes[1]) {
        case (0xFF, 0xFE), (0xFE, 0xFF): return true
        // Without a byte order mark, the first character in UTF-16 is one byte and a zero.
        case (0, _): return true
        case (_, 0): return true
        default: return false
        }
    }

    private static func scan(_ bytes: UnsafeBufferPointer<UInt8>) -> Problem? {
        var index = 0
        var directives = 0
        var isLineStart = true
        while index < bytes.count {
            let byte = bytes[index]
            if byte < 0x80 {
                if byte < 32 || byte == 127 {
                    guard byte == 0x0A || byte == 0x0D || byte == 0x09 else {
                        return .controlCharacter(offset: index, value: UInt32(byte))
                    }
                    isLineStart = byte != 0x09
                } else {
                    if isLineStart && byte == UInt8(ascii: "%") {
                        directives += 1
                        if directives > InputLimits.directives { return .tooManyDirectives(offset: index) }
                    }
                    isLineStart = false
                }
                index += 1
                continue
            }
            guard let (value, width) = multibyteScalar(bytes, at: index) else { return .notUTF8(offset: index) }
            // The characters that YAML excludes: C1 controls except NEL, and two noncharacters.
            if (value < 0xA0 && value != 0x85) || value == 0xFFFE || value == 0xFFFF {
                return .controlCharacter(offset: index, value: value)
            }
            isLineStart = value == 0x85 || value == 0x2028 || value == 0x2029
            index += width
        }
        return nil
    }

    /// Decodes a character of two to four bytes; nil if it is malformed, overlong, a surrogate or out of range.
    private static func multibyteScalar(
        _ bytes: UnsafeBufferPointer<UInt8>,
        at index: Int
    ) -> (value: UInt32, width: Int)? {
        let first = bytes[index]
        let width: Int
        let minimum: UInt32
        var value: UInt32
        switch first {
        case 0xC2...0xDF: (width, minimum, value) = (2, 0x80, UInt32(first & 0x1F))
        case 0xE0...0xEF: (width, minimum, value) = (3, 0x800, UInt32(first & 0x0F))
        case 0xF0...0xF4: (width, minimum, value) = (4, 0x10000, UInt32(first & 0x07))
        default: return nil
        }
        guard bytes.count - index >= width else { return nil }
        for offset in 1..<width {
            let byte = bytes[index + offset]
            guard byte & 0xC0 == 0x80 else { return nil }
            value = value << 6 | UInt32(byte & 0x3F)
        }
        guard value >= minimum, value <= 0x10FFFF, !(0xD800...0xDFFF).contains(value) else { return nil }
        return (value, width)
    }

    /// Returns the span of the character at a byte offset; lines are counted as libyaml counts them.
    static func span(of offset: Int, in bytes: [UInt8]) -> Span {
        var line: Int32 = 1
        var column: Int32 = 1
        var index = ByteOrderMark.isPresent(bytes) ? 3 : 0
        while index < min(offset, bytes.count) {
            let width = SourceFile.breakWidth(bytes, at: index)
            if width > 0 {
                line &+= 1
                column = 1
                index += width
            } else {
                // Continuation bytes are part of the preceding character.
                if bytes[index] & 0xC0 != 0x80 { column &+= 1 }
                index += 1
            }
        }
        return Span(line: line, column: column, length: 1)
    }
}
