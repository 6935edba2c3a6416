internal import HeroModel

extension FileDecoder {
    /// Decodes a list of capabilities; returns each once, in the order of their numbers.
    mutating func capabilities(_ node: YAMLNode, _ key: String) -> [Capability]? {
        if case .scalar = node.content, !node.isNull {
            _ = items(node, key, of: "capabilities", example: "NET_BIND_SERVICE")
            return nil
        }
        var result = OrderedSet<Capability>()
        for item in scalarItems(node, key, of: "capabilities", example: "NET_BIND_SERVICE") {
            guard let text = singleLineText(item, key, example: "\(key): [NET_BIND_SERVICE]") else { continue }
            guard let capability = Capability(name: text) else {
                reportUnknownCapability(text, key, at: item.span)
                continue
            }
            if !result.append(capability) { reportListedTwice(item, key, "\(capability)") }
        }
        return result.items.sorted()
    }

    private mutating func reportUnknownCapability(_ text: String, _ key: String, at span: Span) {
        let prefix = "CAP_"
        let upper = text.uppercased()
        let bare = upper.hasPrefix(prefix) ? String(upper.dropFirst(prefix.count)) : upper
        let suggestion =
            Capability(name: bare).map { "; did you mean `\($0)`?" } ?? Suggestion.didYouMean(bare, Capability.names)
        report(
            .unknownValue,
            "`\(key)` has an unknown capability: \(quoted(text))\(suggestion)",
            help: bare == "ALL"
                ? "remove `\(key)`: a program of root has all capabilities without it"
                : "write a name of capabilities(7) without `CAP_`, such as `NET_BIND_SERVICE`",
            at: span
        )
    }
}
