public import HeroJSON

extension LossReport {
    /// The report as text for a terminal.
    ///
    /// Equivalent keys of one kind share a line, because only the difference matters.
    public var text: String {
        var lines: [String] = []
        for item in shownItems {
            let more = item.more == 0 ? "" : " (and \(item.more) more)"
            lines.append(
                "\(item.item.place): \(item.item.lossClass.rawValue): \(item.item.text)\(more) "
                    + "[\(item.item.code.rawValue)]"
            )
        }
        for name in renamed { lines.append("renamed: \(name.from) -> \(name.to)") }
        lines.append(summary)
        if let line = refusal { lines.append(line) }
        return lines.map { Self.visible($0) + "\n" }.joined()
    }

    /// The report as Markdown.
    public var markdown: String {
        var text = "## Report\n\n\(Self.visible(summary))\n"
        if let line = refusal { text += "\n**\(Self.escaped(line))**\n" }
        if !items.isEmpty {
            text += "\n| place | key | class | what was written, what differs |\n|---|---|---|---|\n"
            for shown in shownItems {
                let item = shown.item
                let more = shown.more == 0 ? "" : " (and \(shown.more) more)"
                text += "| \(Self.escaped("\(item.file):\(item.line)")) | \(Self.escaped(item.key)) "
                text += "| \(item.lossClass.rawValue), `\(item.code.rawValue)` | \(Self.escaped(item.text))\(more) |\n"
            }
        }
        if !renamed.isEmpty {
            text += "\n| name in the source | name here |\n|---|---|\n"
            for name in renamed { text += "| \(Self.escaped(name.from)) | `\(name.to)` |\n" }
        }
        return text
    }

    /// The report as members of a JSON document.
    func json(schema: String) -> JSONValue {
        [
            "schema": .string(schema),
            "refused": .bool(!refused.isEmpty),
            "exact": JSONValue(exact),
            "items": .array(
                items.map {
                    [
                        "file": .string($0.file), "line": JSONValue($0.line), "key": .string($0.key),
                        "class": .string($0.lossClass.rawValue), "code": .string($0.code.rawValue),
                        "text": .string($0.text),
                    ]
                }
            ),
            "renamed": .array(renamed.map { ["from": .string($0.from), "to": .string($0.to)] }),
        ]
    }

    private var summary: String {
        let counts = LossClass.allCases.map { "\(count($0)) \($0.rawValue)" }
        return counts.joined(separator: ", ")
    }

    private var refusal: String? {
        let codes = refused.map(\.code.rawValue)
        guard !codes.isEmpty else { return nil }
        let options = LossCode.allCases.map(\.rawValue).filter(codes.contains).map { "--accept \($0)" }
        return "Refused, nothing was written. To import all the same: \(options.joined(separator: " "))"
    }

    /// The items to show: of equivalent ones with the same text and code only the first.
    private var shownItems: [(item: LossItem, more: Int)] {
        struct Kind: Hashable {
            var code: LossCode
            var text: String
        }
        var counts: [Kind: Int] = [:]
        for item in items where item.lossClass == .equivalent {
            counts[Kind(code: item.code, text: item.text), default: 0] += 1
        }
        var result: [(item: LossItem, more: Int)] = []
        for item in items {
            guard item.lossClass == .equivalent else {
                result.append((item, 0))
                continue
            }
            let kind = Kind(code: item.code, text: item.text)
            guard let count = counts.removeValue(forKey: kind) else { continue }
            result.append((item, count - 1))
        }
        return result
    }

    /// Replaces characters that control a terminal.
    private static func visible(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: \.isTerminalControl) else { return text }
        var result = ""
        for scalar in text.unicodeScalars {
            if scalar.isTerminalControl {
                result += "\\u{\(String(scalar.value, radix: 16))}"
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    private static func escaped(_ text: String) -> String {
        visible(text).replacing("\\", with: "\\\\").replacing("|", with: "\\|").replacing("<", with: "&lt;")
    }
}

extension ImportResult {
    /// The report and the files as the JSON of `import` or `export`.
    ///
    /// - Parameter schema: The name of the schema, such as `heroproc/import/v1`.
    /// - Returns: The document.
    public func json(schema: String) -> JSONValue {
        let written = report.refused.isEmpty ? files : []
        let texts = written.map { file -> JSONValue in ["name": .string(file.name), "text": .string(file.text)] }
        return report.json(schema: schema).adding([.init("files", .array(texts))])
    }
}

extension LossItem {
    /// `FILE:LINE KEY`.
    var place: String { "\(file):\(line) \(key)" }
}
