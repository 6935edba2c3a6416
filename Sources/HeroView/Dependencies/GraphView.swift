import HeroModel

/// Dependencies for graph drawing programs: an arrow leads from a service to each service after which it starts.
///
/// Solid is `requires`, dashed is `after` and `wants`, red is `conflicts`; each start wave is a group.
public enum GraphView {
    /// Graphviz.
    public static func dot(_ map: DependencyMap) -> String {
        var result = "digraph heroproc {\n  rankdir=RL;\n  node [shape=box, style=\"rounded,filled\"];\n"
        for (wave, nodes) in groups(map) {
            var indent = "  "
            if let wave {
                result += "  subgraph cluster_\(wave) {\n    label=\"wave \(wave)\";\n    color=gray;\n"
                indent = "    "
            }
            for node in nodes {
                let label = quoted("\(node.name.description.printable)\n\(stateText(node))")
                result += "\(indent)\(quoted(node.name.description)) [label=\(label), fillcolor=\(color(node))];\n"
            }
            if wave != nil { result += "  }\n" }
        }
        for edge in edges(map) {
            let attributes =
                switch edge.relation {
                case .requires: ""
                case .wants, .after: " [style=dashed, label=\(edge.relation.rawValue)]"
                case .conflicts: " [color=red, dir=both, constraint=false]"
                }
            result += "  \(quoted(edge.from.description)) -> \(quoted(edge.to.description))\(attributes);\n"
        }
        return result + "}\n"
    }

    /// Mermaid, as GitHub renders it in a fenced code block.
    public static func mermaid(_ map: DependencyMap) -> String {
        var result = "flowchart RL\n"
        let sorted = map.sorted
        let ids = Dictionary(
            sorted.enumerated().map { ($1.name, "s\($0)") },
            uniquingKeysWith: { first, _ in first }
        )
        for (wave, nodes) in groups(map) {
            let indent = wave == nil ? "  " : "    "
            if let wave { result += "  subgraph wave\(wave) [wave \(wave)]\n" }
            for node in nodes {
                let id = ids[node.name] ?? ""
                result += "\(indent)\(id)[\"\(escaped(node.name.description))<br>\(escaped(stateText(node)))\"]\n"
            }
            if wave != nil { result += "  end\n" }
        }
        for edge in edges(map) {
            let arrow =
                switch edge.relation {
                case .requires: "-->"
                case .wants, .after: "-. \(edge.relation.rawValue) .->"
                case .conflicts: "<-. conflicts .->"
                }
            result += "  \(ids[edge.from] ?? "") \(arrow) \(ids[edge.to] ?? "")\n"
        }
        for (color, nodes) in Dictionary(grouping: sorted, by: color).sorted(by: { $0.key < $1.key }) {
            result += "  classDef \(color) fill:\(color)\n"
            result += "  class \(nodes.compactMap { ids[$0.name] }.joined(separator: ",")) \(color)\n"
        }
        return result
    }

    // MARK: Helpers of both formats

    private static func groups(_ map: DependencyMap) -> [(wave: Int?, nodes: [DependencyMap.Node])] {
        let groups = Dictionary(grouping: map.sorted, by: \.wave)
        return groups.map { (wave: $0.key, nodes: $0.value) }.sorted { ($0.wave ?? .max) < ($1.wave ?? .max) }
    }

    private static func edges(
        _ map: DependencyMap
    ) -> [(from: QualifiedName, relation: DependencyMap.Relation, to: QualifiedName)] {
        map.sorted.flatMap { node in
            let conflicts = (node.relations[.conflicts] ?? []).map {
                (relation: DependencyMap.Relation.conflicts, name: $0)
            }
            return (node.dependencies() + conflicts).filter { map.nodes[$0.name] != nil }
                .map { (from: node.name, relation: $0.relation, to: $0.name) }
        }
    }

    private static func stateText(_ node: DependencyMap.Node) -> String {
        let state = node.state?.rawValue ?? "never applied"
        return node.wanted == .start ? state : "\(state), status: \(node.wanted.rawValue)"
    }

    private static func color(_ node: DependencyMap.Node) -> String {
        switch node.state {
        case .running, .exited: "palegreen"
        case .starting, .stopping: "lightblue"
        case .degraded, .backingOff: "khaki"
        case .blocked: "plum"
        case .failed: "salmon"
        case .stopped, nil: "lightgray"
        }
    }

    private static func quoted(_ text: String) -> String {
        "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n") + "\""
    }

    private static func escaped(_ text: String) -> String {
        text.printable.replacing("&", with: "&amp;").replacing("\"", with: "&quot;").replacing("<", with: "&lt;")
    }
}
