public import HeroModel

/// Dependencies as a tree: below each service what it starts after.
public struct TreeView: Sendable {
    /// What the place it goes to can show.
    public var style: OutputStyle

    /// Makes a view.
    public init(_ style: OutputStyle = .plain) {
        self.style = style
    }

    /// The tree of a service, or one for each service that no other one starts after.
    ///
    /// What hangs below several services is drawn once; after that it is only named.
    public func text(_ map: DependencyMap, of root: QualifiedName? = nil) -> String {
        guard !map.nodes.isEmpty else { return "No service is declared.\n" }
        var drawn: Set<QualifiedName> = []
        var result = ""
        // Who waits for himself has no top; then all are drawn that were not reached.
        for top in root.map({ [$0] }) ?? map.roots + map.sorted.map(\.name) where !drawn.contains(top) {
            result += draw(top, map, &drawn)
        }
        return result
    }

    /// One branch that is still to be drawn.
    private struct Branch {
        var name: QualifiedName
        var relation: DependencyMap.Relation?
        /// What stands before the lines of its own branches.
        var indent: String
        /// What stands before its name.
        var lead: String
    }

    private func draw(_ top: QualifiedName, _ map: DependencyMap, _ drawn: inout Set<QualifiedName>) -> String {
        var result = ""
        var open = [Branch(name: top, relation: nil, indent: "", lead: "")]
        while let branch = open.popLast() {
            guard let node = map.nodes[branch.name] else { continue }
            let dependencies = node.dependencies()
            let isKnown = !drawn.insert(branch.name).inserted
            let hint = isKnown && !dependencies.isEmpty ? style.paint("  (see above)", .dim) : ""
            result += style.paint(branch.lead, .dim) + line(node, branch.relation) + hint + "\n"
            guard !isKnown else { continue }
            for (index, dependency) in dependencies.enumerated().reversed() {
                let isLast = index == dependencies.count - 1
                open.append(
                    Branch(
                        name: dependency.name,
                        relation: dependency.bond,
                        indent: branch.indent + (isLast ? "    " : "│   "),
                        lead: branch.indent + (isLast ? "└── " : "├── ")
                    )
                )
            }
        }
        return result
    }

    private func line(_ node: DependencyMap.Node, _ bond: DependencyMap.Relation?) -> String {
        var text = node.name.description.printable + "  "
        text += node.state.map { style.paint($0.rawValue, $0.textStyle) } ?? style.paint("never applied", .dim)
        if node.wanted != .start { text += "  status: \(node.wanted.rawValue)" }
        if let wave = node.wave { text += style.paint("  wave \(wave)", .dim) }
        if let bond, bond != .requires { text += style.paint("  (\(bond.rawValue))", .dim) }
        return text
    }
}
