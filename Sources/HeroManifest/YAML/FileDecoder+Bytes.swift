internal import HeroModel

/// Files that cannot be parsed, or cannot be parsed to the end.
extension FileDecoder {
    /// Validates the bytes of the file; returns false, after a report, if they cannot be parsed.
    mutating func validateBytes() -> Bool {
        let bytes = source.file.bytes
        guard bytes.count <= InputLimits.fileBytes else {
            report(
                .fileTooLarge,
                "the file has \(bytes.count) bytes; the limit is 1 MiB",
                help: "split it into several files",
                at: .start
            )
            return false
        }
        guard let problem = EncodingValidator.firstProblem(bytes) else { return true }
        switch problem {
        case .wideEncoding:
            report(
                .notUTF8,
                "the file is encoded as UTF-16 or UTF-32",
                help: "save it as UTF-8",
                at: .start
            )
        case .notUTF8(let offset):
            report(
                .notUTF8,
                "the file is not UTF-8: the byte 0x\(String(bytes[offset], radix: 16)) is not valid here",
                help: "save it as UTF-8",
                at: EncodingValidator.span(of: offset, in: bytes)
            )
        case .controlCharacter(let offset, let value):
            let digits = String(value, radix: 16, uppercase: true)
            report(
                .controlCharacter,
                "the file contains the control character U+\(String(repeating: "0", count: 4 - digits.count))\(digits)",
                help: value == 0
                    ? "remove it, or check that this is a text file"
                    : "remove it; in a double-quoted string it can be written as an escape, such as \"\\e\"",
                at: EncodingValidator.span(of: offset, in: bytes)
            )
        case .tooManyDirectives(let offset):
            report(
                .syntax,
                "more than \(InputLimits.directives) lines begin with `%`",
                help: "remove them: a manifest needs no YAML directives",
                at: EncodingValidator.span(of: offset, in: bytes)
            )
        }
        return false
    }

    /// Collects the values of unindented `name:` keys of a file that cannot be parsed to the end.
    ///
    /// Other files can refer to these names. Without them, each reference would be a second error with the same cause.
    mutating func collectPossiblyDeclaredNames() {
        let prefix = Array("name:".utf8)
        var rest = source.file.bytes.prefix(InputLimits.fileBytes)
        // Searched line by line, because an array of all lines would need more memory than the file.
        while !rest.isEmpty {
            let line = rest.prefix { $0 != 0x0A && $0 != 0x0D }
            rest = rest[line.endIndex...].dropFirst()
            guard line.starts(with: prefix) else { continue }
            let value = line.dropFirst(prefix.count).drop { $0 == 0x20 || $0 == 0x22 || $0 == 0x27 }
            let bytes = value.prefix { $0 > 0x20 && $0 != 0x22 && $0 != 0x27 }
            let name = String(decoding: bytes.prefix(64), as: UTF8.self)
            if QualifiedName.isValid(name) { possiblyDeclaredNames.insert(name) }
        }
    }
}
