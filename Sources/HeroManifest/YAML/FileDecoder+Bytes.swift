internal import HeroModel

/// Files that cannot be read, or not to their end.
extension FileDecoder {
    /// Judges the file's bytes; what is refused is reported.
    mutating func validateBytes() -> Bool {
        let bytes = source.file.bytes
        guard bytes.count <= InputLimits.fileBytes else {
            report(
                .fileTooLarge,
                "the file has \(bytes.count) bytes, more than 1 MiB",
                help: "split it into several files",
                at: .start
            )
            return false
        }
        guard let flaw = EncodingValidator.firstProblem(bytes) else { return true }
        switch flaw {
        case .wideEncoding:
            report(
                .notUTF8,
                "the file is written in UTF-16 or UTF-32",
                help: "save it as UTF-8",
                at: .start
            )
        case .notUTF8(let offset):
            report(
                .notUTF8,
                "the file is not UTF-8: the byte 0x\(String(bytes[offset], radix: 16)) cannot stand here",
                help: "save it as UTF-8",
                at: EncodingValidator.span(of: offset, in: bytes)
            )
        case .controlCharacter(let offset, let value):
            let digits = String(value, radix: 16, uppercase: true)
            report(
                .controlCharacter,
                "the file contains the control character U+\(String(repeating: "0", count: 4 - digits.count))\(digits)",
                help: value == 0
                    ? "remove it: is this a text file?"
                    : "remove it; in a double-quoted text it can be written as an escape, such as \"\\e\"",
                at: EncodingValidator.span(of: offset, in: bytes)
            )
        case .tooManyDirectives(let offset):
            report(
                .syntax,
                "more than \(InputLimits.directives) lines begin with `%`",
                help: "a manifest needs no directives: remove them",
                at: EncodingValidator.span(of: offset, in: bytes)
            )
        }
        return false
    }

    /// Remembers what looks like names at the margin of a file that cannot be read to its end.
    ///
    /// Other files refer to them; a second error about each of those would only hide the first.
    mutating func collectPossiblyDeclaredNames() {
        let mark = Array("name:".utf8)
        var rest = source.file.bytes.prefix(InputLimits.fileBytes)
        // Line by line: a list of all of them would be larger than the file.
        while !rest.isEmpty {
            let line = rest.prefix { $0 != 0x0A && $0 != 0x0D }
            rest = rest[line.endIndex...].dropFirst()
            guard line.starts(with: mark) else { continue }
            let value = line.dropFirst(mark.count).drop { $0 == 0x20 || $0 == 0x22 || $0 == 0x27 }
            let bytes = value.prefix { $0 > 0x20 && $0 != 0x22 && $0 != 0x27 }
            let name = String(decoding: bytes.prefix(64), as: UTF8.self)
            if QualifiedName.isValid(name) { possiblyDeclaredNames.insert(name) }
        }
    }
}
