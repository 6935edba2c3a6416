/// Expansions and values of supervisord.
enum SupervisordText {
    /// Expands `%(name)s` in a text; environment variables are kept.
    ///
    /// - Returns: nil if an expansion is unknown.
    static func expand(_ text: String, _ values: [String: String]) -> ImportedText? {
        var result = ImportedText()
        var rest = Substring(text)
        while let percent = rest.firstIndex(of: "%") {
            result.append(rest[..<percent])
            rest = rest[rest.index(after: percent)...]
            if rest.first == "%" {
                result.append("%")
                rest = rest.dropFirst()
                continue
            }
            guard rest.first == "(", let end = rest.firstIndex(of: ")") else {
                result.append("%")
                continue
            }
            let name = String(rest[rest.index(after: rest.startIndex)..<end])
            let format = rest[rest.index(after: end)...]
            let digits = format.prefix { $0.isNumber }
            let kind = format.dropFirst(digits.count).first
            guard kind == "s" || kind == "d" || kind == "i" else { return nil }
            rest = format.dropFirst(digits.count + 1)
            if name.hasPrefix("ENV_") {
                let variable = String(name.dropFirst(4))
                guard ImportState.isEnvironmentName(variable) else { return nil }
                result.append(variable: variable)
            } else if let value = values[name] {
                let width = digits.hasPrefix("0") ? min(digits.wholeNumber ?? 0, 9) : 0
                result.append(String(repeating: "0", count: max(0, width - value.utf8.count)) + value)
            } else {
                return nil
            }
        }
        result.append(rest)
        return result
    }

    /// Parses `KEY="value",KEY2=value`.
    ///
    /// - Returns: nil if the text has another form.
    static func environment(_ text: String) -> [(name: String, value: String)]? {
        var result: [(name: String, value: String)] = []
        var rest = Substring(text.replacing("\n", with: " "))
        while true {
            rest = rest.drop { $0 == " " || $0 == "," || $0 == "\t" }
            if rest.isEmpty { return result }
            guard let equal = rest.firstIndex(of: "=") else { return nil }
            let name = rest[..<equal].trimmed
            rest = rest[rest.index(after: equal)...].drop { $0 == " " }
            if let quote = rest.first, quote == "\"" || quote == "'" {
                rest = rest.dropFirst()
                guard let end = rest.firstIndex(of: quote) else { return nil }
                result.append((name, String(rest[..<end])))
                rest = rest[rest.index(after: end)...]
            } else {
                let value = rest.prefix { $0 != "," }
                result.append((name, value.trimmed))
                rest = rest.dropFirst(value.count)
            }
        }
    }

    /// Parses a size such as `50MB` to a size of a manifest; nil if heroproc cannot use it.
    static func size(_ text: String) -> String? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard let number = digits.wholeNumber, number > 0, number <= 1 << 30 else { return nil }
        switch text.dropFirst(digits.count).lowercased() {
        case "": return number >= 1024 ? "\(number)B" : nil
        case "kb": return "\(number)KiB"
        case "mb": return "\(number)MiB"
        case "gb": return number <= 1000 ? "\(number)GiB" : nil
        default: return nil
        }
    }

    /// Parses a truth value.
    static func bool(_ text: String) -> Bool? {
        switch text.lowercased() {
        case "true", "yes", "on", "1", "t", "y": true
        case "false", "no", "off", "0", "f", "n": false
        default: nil
        }
    }
}
