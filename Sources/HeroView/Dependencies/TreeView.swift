public import HeroModel

/// Dependencies as a tree: below each service those after which it starts.
public struct TreeView: Sendable {
    /// The capabilities of the output.
    public var style: OutputStyle

    /// Creates a view.
    public init(_ style: OutputStyle = .plain) {
        self.style = style
    }

    /// The tree of one service, or the trees of all services after which no other one starts.
    ///
    /// A service with several dependents is expanded once; further occurrences show only its name.
    public func text(_ map: DependencyMap, of root: QualifiedName? = nil) -> String {
        guard !map.nodes.isEmpty else { return "No service is declared.\n" }
        var drawn: Set<QualifiedName> = []
        var result = ""
        // A cycle has no root, so services that no tree has reached are drawn as roots.
        for root in root.map({ [$0] }) ?? map.roots + map.sorted.map(\.name) where !drawn.contains(root) {
            result += draw(root, map, &drawn)
        }
        return result
    }

    /// A branch that is not drawn yet.
    private struct Branch {
        var name: QualifiedName
        var relation: DependencyMap.Relation?
        /// The indentation of its children.
        var indent: String
        /// The text before its name.
        var lead: String
    }

    private func draw(_ root: QualifiedName, _ map: DependencyMap, _ drawn: inout Set<QualifiedName>) -> String {
        var result = ""
        var pending = [Branch(name: root, relation: nil, indent: "", lead: "")]
        while let branch = pending.popLast() {
            guard let node = map.nodes[branch.name] else { continue }
            let dependencies = node.dependencies()
            let isKnown = !drawn.insert(branch.name).inserted
            let hint = isKnown && !dependencies.isEmpty ? style.paint("  (see above)", .dim) : ""
            result += style.paint(branch.lead, .dim) + line(node, branch.relation) + hint + "\n"
            guard !isKnown else { continue }
            for (index, dependency) in dependencies.enumerated().reversed() {
                let isLast = index == dependencies.count - 1
                pending.append(
                    Branch(
                        name: dependency.name,
                        relation: dependency.relation,
                        indent: branch.indent + (isLast ? "    " : "│   "),
                        lead: branch.indent + (isLast ? "└── " : "├── ")
                    )
                )
            }
        }
        return result
    }

    private func line(_ node: DependencyMap.Node, _ relation: DependencyMap.Relation?) -> String {
        var text = node.name.description.printable + "  "
        text += node.state.map { style.paint($0.rawValue, $0.textStyle) } ?? style.paint("never applied", .dim)
        if node.wanted != .start { text += "  status: \(node.wanted.rawValue)" }
        if let wave = node.wave { text += style.paint("  wave \(wave)", .dim) }
        if let relation, relation != .requires { text += style.paint("  (\(relation.rawValue))", .dim) }
        return text
    }
}
