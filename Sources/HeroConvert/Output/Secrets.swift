/// Recognises values that must not be written into a manifest.
enum Secrets {
    private static let words: Set<String> = [
        "SECRET", "SECRETS", "TOKEN", "TOKENS", "PASSWORD", "PASSWORDS", "PASSWD", "PASS", "PASSPHRASE", "KEY", "KEYS",
        "CREDENTIAL", "CREDENTIALS", "APIKEY", "SECRETKEY",
    ]
    private static let endings = ["PASSWORD", "PASSWD", "SECRET", "TOKEN", "APIKEY", "PASSPHRASE"]
    private static let pathEndings: Set<String> = ["FILE", "PATH", "DIR", "URL", "NAME", "ID", "HOST", "PORT", "TTL"]

    /// Whether the name of a variable looks like that of a secret.
    static func isSecretName(_ name: String) -> Bool {
        let parts = name.uppercased().split { $0 == "_" || $0 == "-" || $0 == "." }.map(String.init)
        guard let last = parts.last, !pathEndings.contains(last) else { return false }
        return parts.contains { part in words.contains(part) || endings.contains { part.hasSuffix($0) } }
    }

    /// Whether a value of a variable looks like a secret: a name like that of one, or a URL with a password.
    static func isSecret(_ name: String, _ value: String) -> Bool {
        if hasCredentials(value) { return true }
        guard isSecretName(name), !value.isEmpty else { return false }
        let isPath = value.hasPrefix("/") || value.hasPrefix("./")
        let isFlag = ["true", "false", "yes", "no", "0", "1", "none", "null"].contains(value.lowercased())
        return !isPath && !isFlag
    }

    /// Whether a text contains a URL with a password.
    static func hasCredentials(_ text: String) -> Bool {
        var rest = Array(text.utf8)[...]
        while let start = index(of: "://", in: rest) {
            rest = rest[(start + 3)...]
            let authority = rest.prefix { !"/?# \"'".utf8.contains($0) }
            if let at = authority.lastIndex(of: UInt8(ascii: "@")),
                let colon = authority[..<at].firstIndex(of: UInt8(ascii: ":")), at - colon > 1
            {
                let password = String(decoding: authority[(colon + 1)..<at], as: UTF8.self)
                if !password.hasPrefix("$") { return true }
            }
        }
        return false
    }

    /// Returns the first argument that contains a secret, such as `--password=x`; nil without one.
    static func argument(in words: [ImportedText]) -> Int? {
        var isValue = false
        for (index, word) in words.enumerated() {
            let text = word.pieces.map { if case .literal(let text) = $0 { text } else { "$" } }.joined()
            if hasCredentials(text) { return index }
            if isValue, !text.hasPrefix("-"), !text.contains("$"), isSecret("PASSWORD", text) { return index }
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = String(parts[0].drop { $0 == "-" })
            isValue = parts.count == 1 && text.hasPrefix("--") && isSecretName(name)
            guard parts.count == 2, isSecretName(name), !parts[1].contains("$") else { continue }
            if isSecret(name, String(parts[1])) { return index }
        }
        return nil
    }

    private static func index(of pattern: String, in bytes: ArraySlice<UInt8>) -> Int? {
        let wanted = Array(pattern.utf8)
        var index = bytes.startIndex
        while index + wanted.count <= bytes.endIndex {
            if bytes[index..<(index + wanted.count)].elementsEqual(wanted) { return index }
            index += 1
        }
        return nil
    }
}

extension ImportState {
    /// Sets a variable of the environment; a secret is read from a file in place of being written.
    mutating func setEnvironment(
        _ name: String,
        _ value: ImportedText,
        in keys: inout ManifestMap,
        at place: SourcePlace,
        key: String = "env"
    ) {
        guard !name.isEmpty, name.utf8.count <= 200, name.utf8.allSatisfy({ $0 > 32 && $0 != 127 && $0 != 61 }) else {
            report(place, .invalidValue, "not written: `\(name.prefix(60))` cannot be the name of a variable")
            return
        }
        let text = value.pieces.map { if case .literal(let text) = $0 { text } else { "$" } }.joined()
        guard !text.utf8.contains(0) else {
            report(place, .invalidValue, "not written: the value contains the character NUL")
            return
        }
        var inner = ManifestMap()
        if case .map(let present)? = keys[key] { inner = present }
        let isSecretVariable = value.variables.contains(where: Secrets.isSecretName)
        if Secrets.isSecret(name, text) || isSecretVariable {
            let path = "secrets/\(name.split(separator: "/").joined(separator: "-"))"
            var file = ManifestMap()
            file["from_file"] = .text(path)
            inner.set(.map(file), of: name)
            report(
                place,
                .secretToFile,
                "`env.\(name)` is read from `\(path)`; write the value to that file with mode 0600"
            )
        } else {
            let used = using(value, at: place)
            inner.set(.text(used), of: name)
            if used.variables.isEmpty {
                countExact()
            } else {
                report(place, .variableKept, "`env.\(name)` keeps the variable; set its value in `vars`")
            }
        }
        keys[key] = .map(inner)
    }

    static func isEnvironmentName(_ name: String) -> Bool {
        guard let first = name.utf8.first, !(48...57).contains(first), name.utf8.count <= 200 else { return false }
        return name.utf8.allSatisfy {
            (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || $0 == UInt8(ascii: "_")
        }
    }
}
