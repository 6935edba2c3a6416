/// Texts with `$NAME` and `${NAME}`, as docker compose and process-compose interpolate them.
enum EnvironmentText {
    /// Parses a text; `$$` is a `$`.
    ///
    /// - Returns: nil if a variable cannot be kept: a nested one, or an operator that manifests do not have.
    static func parse(_ text: String) -> ImportedText? {
        var result = ImportedText()
        var rest = Substring(text)
        while let dollar = rest.firstIndex(of: "$") {
            result.append(rest[..<dollar])
            rest = rest[rest.index(after: dollar)...]
            if rest.first == "$" {
                result.append("$")
                rest = rest.dropFirst()
            } else if rest.first == "{" {
                guard let end = rest.firstIndex(of: "}") else { return nil }
                let inner = rest[rest.index(after: rest.startIndex)..<end]
                rest = rest[rest.index(after: end)...]
                guard append(inner, to: &result) else { return nil }
            } else {
                let name = rest.prefix { $0 == "_" || ($0.isASCII && ($0.isLetter || $0.isNumber)) }
                if ImportState.isEnvironmentName(String(name)) {
                    result.append(variable: String(name))
                    rest = rest.dropFirst(name.count)
                } else {
                    result.append("$")
                }
            }
        }
        result.append(rest)
        return result
    }

    /// Adds the variable between braces; returns false if it cannot be kept.
    private static func append(_ inner: Substring, to result: inout ImportedText) -> Bool {
        let name = inner.prefix { $0 == "_" || ($0.isASCII && ($0.isLetter || $0.isNumber)) }
        guard ImportState.isEnvironmentName(String(name)) else { return false }
        let rest = inner.dropFirst(name.count)
        if rest.isEmpty {
            result.append(variable: String(name))
            return true
        }
        // An empty value is not told apart from a missing one, so `-` and `:-` are the same here.
        for mark in [":-", "-"] where rest.hasPrefix(mark) {
            let fallback = rest.dropFirst(mark.count)
            guard !fallback.contains("$"), !fallback.contains("{") else { return false }
            result.append(variable: String(name), fallback: String(fallback))
            return true
        }
        if rest.hasPrefix(":?") || rest.hasPrefix("?") {
            result.append(variable: String(name))
            return true
        }
        return false
    }
}
