internal import HeroModel

/// One item of `tcp_ports` as its map says it.
struct PortDraft: ManifestDraft {
    private var endpoint: TCPEndpoint?
    private var isShared = false
    /// Where the port is written.
    private var span: Span
    var writtenFields: [WrittenField] = []
    var misspelledKeys: Set<String> = []

    private init(at span: Span) { self.span = span }

    /// Reads the list: ports and addresses, or maps that say more of one; each port once, with its place.
    static func decodeList(_ node: YAMLNode, in scope: inout FileDecoder) -> [(port: BoundPort, span: Span)] {
        let (what, example) = ("ports or addresses", "8080")
        var result: [(port: BoundPort, span: Span)] = []
        var seen = OrderedSet<TCPEndpoint>()
        for item in scope.items(node, "tcp_ports", of: what, example: example) {
            let found: (port: BoundPort, span: Span)?
            switch item.content {
            case .mapping(let entries): found = decode(entries, at: item.span, in: &scope)
            case .scalar, .sequence, .invalid:
                guard scope.requireScalar(item, "tcp_ports", of: what, example: example) else { continue }
                found = scope.boundEndpoint(item, "tcp_ports").map { (BoundPort($0), item.span) }
            }
            guard let found else { continue }
            if seen.append(found.port.endpoint) {
                result.append(found)
            } else {
                scope.reportListedTwice(item, "tcp_ports", found.port.endpoint.description)
            }
        }
        return result
    }

    /// Reads one map; nil, and reported, where it names no port.
    private static func decode(
        _ entries: [YAMLEntry],
        at span: Span,
        in scope: inout FileDecoder
    ) -> (port: BoundPort, span: Span)? {
        var draft = Self(at: span)
        table.decode(entries, into: &draft, in: &scope)
        if !entries.contains(where: { $0.key == "port" }), !draft.misspelledKeys.contains("port") {
            scope.report(
                .missingKey,
                "this item of `tcp_ports` has no `port`",
                help: "say which port it is about, as in `{port: 8080, reuseport: true}`",
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
            Key("port") { node, draft, scope in
                draft.endpoint = scope.boundEndpoint(node, "tcp_ports.port")
                draft.span = node.span
            },
            Key("reuseport") { node, draft, scope in
                if let value = scope.boolean(node, "tcp_ports.reuseport") { draft.isShared = value }
            },
        ]
    )
}
