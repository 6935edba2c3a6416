/// Specifiers, words and sizes of unit files.
struct SystemdText {
    let unit: SystemdUnit
    /// The instance of a template that is written, from `DefaultInstance`.
    let defaultInstance: String?

    /// Expands specifiers such as `%n`.
    ///
    /// - Returns: nil if one cannot be kept.
    func expand(_ text: String) -> ImportedText? {
        var result = ImportedText()
        var rest = Substring(text)
        while let percent = rest.firstIndex(of: "%") {
            result.append(rest[..<percent])
            rest = rest[rest.index(after: percent)...]
            guard let kind = rest.first else {
                result.append("%")
                break
            }
            rest = rest.dropFirst()
            switch kind {
            case "%": result.append("%")
            case "i", "I":
                if let instance = unit.instance, !instance.isEmpty {
                    result.append(instance)
                } else if let defaultInstance {
                    result.append(defaultInstance)
                } else {
                    result.append(variable: "UNIT_INSTANCE")
                }
            case "n": result.append(unit.name + ".service")
            case "N": result.append(unit.name)
            case "p", "P": result.append(unit.prefix)
            case "t": result.append("/run")
            case "S": result.append("/var/lib")
            case "C": result.append("/var/cache")
            case "L": result.append("/var/log")
            case "E": result.append("/etc")
            case "T": result.append("/tmp")
            case "V": result.append("/var/tmp")
            case "u": result.append("root")
            case "U", "G": result.append("0")
            case "g": result.append("root")
            case "h": result.append("/root")
            case "s": result.append("/bin/sh")
            case "H", "l", "q": result.append(variable: "HOSTNAME")
            case let other where "aAbBcdDfjJmMorRvwWyY".contains(other): return nil
            // systemd keeps an unknown specifier as text.
            default: result.append("%\(kind)")
            }
        }
        result.append(rest)
        return result
    }

    /// Splits a text by the rules of systemd: quotes, and escapes such as `\x20` and `\s`.
    ///
    /// - Returns: nil if a quote is not closed.
    static func words(_ text: String) -> [String]? {
        var words: [String] = []
        var word: [UInt8] = []
        var isOpen = false
        var quote: UInt8?
        let bytes = Array(text.utf8)
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            switch (quote, byte) {
            case (nil, 32), (nil, 9):
                if isOpen { words.append(String(decoding: word, as: UTF8.self)) }
                word = []
                isOpen = false
            case (nil, UInt8(ascii: "'")), (nil, UInt8(ascii: "\"")):
                quote = byte
                isOpen = true
            case (let open?, _) where open == byte: quote = nil
            case (_, UInt8(ascii: "\\")):
                isOpen = true
                index = appendEscape(bytes, index, &word)
            default:
                isOpen = true
                word.append(byte)
            }
        }
        guard quote == nil else { return nil }
        if isOpen { words.append(String(decoding: word, as: UTF8.self)) }
        return words
    }

    /// Appends the character of an escape, and returns the index after it.
    private static func appendEscape(_ bytes: [UInt8], _ start: Int, _ word: inout [UInt8]) -> Int {
        guard start < bytes.count else { return start }
        let simple: [UInt8: UInt8] = [
            UInt8(ascii: "n"): 10, UInt8(ascii: "t"): 9, UInt8(ascii: "r"): 13, UInt8(ascii: "s"): 32,
            UInt8(ascii: "\\"): 92, UInt8(ascii: "\""): 34, UInt8(ascii: "'"): 39, UInt8(ascii: ";"): 59,
        ]
        if let byte = simple[bytes[start]] {
            word.append(byte)
            return start + 1
        }
        if bytes[start] == UInt8(ascii: "x"), start + 2 < bytes.count,
            let code = UInt8(String(decoding: bytes[(start + 1)...(start + 2)], as: UTF8.self), radix: 16), code != 0
        {
            word.append(code)
            return start + 3
        }
        // systemd keeps a backslash before any other character.
        word.append(UInt8(ascii: "\\"))
        word.append(bytes[start])
        return start + 1
    }

    /// Parses a truth value.
    static func bool(_ text: String) -> Bool? {
        switch text.lowercased() {
        case "1", "yes", "y", "true", "t", "on": true
        case "0", "no", "n", "false", "f", "off": false
        default: nil
        }
    }

    /// Parses a time span; `infinity` is the longest duration.
    static func milliseconds(_ text: String) -> Int? {
        if text == "infinity" { return DurationText.maxMilliseconds }
        return DurationText.milliseconds(text, units: DurationText.systemdUnits)
    }

    /// Parses a size with the suffixes K, M, G and T to a size of a manifest.
    static func size(_ text: String) -> String? {
        if text == "infinity" { return "unlimited" }
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard let number = digits.wholeNumber, number < 1 << 40 else { return nil }
        switch text.dropFirst(digits.count) {
        case "", "B": return "\(number)B"
        case "K", "KB": return "\(number)KiB"
        case "M", "MB": return "\(number)MiB"
        case "G", "GB": return "\(number)GiB"
        case "T", "TB": return number < 1024 ? "\(number * 1024)GiB" : nil
        default: return nil
        }
    }
}
