internal import HeroModel

/// One item of `tcp_ports` that is written as a map.
struct PortDraft: ManifestDraft {
    private var endpoint: TCPEndpoint?
    private var isShared = false
    /// The span of the port.
    private var span: Span
    var writtenFields: [WrittenField] = []
    var misspelledKeys: Set<String> = []

    private init(at span: Span) { self.span = span }

    /// Decodes the list of ports, addresses and maps; returns each port once, with its span.
    static func decodeList(_ node: YAMLNode, in decoder: inout FileDecoder) -> [(port: BoundPort, span: Span)] {
        let (what, example) = ("ports or addresses", "8080")
        var result: [(port: BoundPort, span: Span)] = []
        var seen = OrderedSet<TCPEndpoint>()
        for item in decoder.items(node, "tcp_ports", of: what, example: example) {
            let found: (port: BoundPort, span: Span)?
            switch item.content {
            case .mapping(let entries): found = decode(entries, at: item.span, in: &decoder)
            case .scalar, .sequence, .invalid:
                guard decoder.requireScalar(item, "tcp_ports", of: what, example: example) else { continue }
                found = decoder.boundEndpoint(item, "tcp_ports").map { (BoundPort($0), item.span) }
            }
            guard let found else { continue }
            if seen.append(found.port.endpoint) {
                result.append(found)
            } else {
                decoder.reportListedTwice(item, "tcp_ports", found.port.endpoint.description)
            }
        }
        return result
    }

    /// Decodes one map; returns nil, after a report, if it has no valid port.
    private static func decode(
        _ entries: [YAMLEntry],
        at span: Span,
        in decoder: inout FileDecoder
    ) -> (port: BoundPort, span: Span)? {
        var draft = Self(at: span)
        table.decode(entries, into: &draft, in: &decoder)
        if !entries.contains(where: { $0.key == "port" }), !draft.misspelledKeys.contains("port") {
            decoder.report(
                .missingKey,
                "this item of `tcp_ports` has no `port`",
                help: "add the port, as in `{port: 8080, reuseport: true}`",
                at: span
            )
        }
        return draft.endpoint.map { (BoundPort($0, isShared: draft.isShared), draft.span) }
    }

    /// The keys of an item.
    static let table = KeyTable<PortDraft>(
        of: "tcp_ports",
        prefix: "tcp_ports.",
        [
            Key("port") { node, draft, decoder in
                draft.endpoint = decoder.boundEndpoint(node, "tcp_ports.port")
                draft.span = node.span
            },
            Key("reuseport") { node, draft, decoder in
                if let value = decoder.boolean(node, "tcp_ports.reuseport") { draft.isShared = value }
            },
        ]
    )
}
