public import HeroModel

/// Who depends on whom, with where each one stands: the input of `tree` and `graph`.
public struct DependencyMap: Hashable, Sendable {
    /// How one service depends on another.
    public enum Relation: String, Hashable, Sendable, CaseIterable {
        /// It must be up, and takes the other one down with it.
        case requires
        /// Ordered after it, where that is declared.
        case wants
        /// Ordered after it.
        case after
        /// Never up at the same time.
        case conflicts
    }

    /// One service.
    public struct Node: Hashable, Sendable {
        /// The service.
        public var name: QualifiedName
        /// What its manifest wants.
        public var wanted: DesiredStatus
        /// Where it stands; nil when it was never applied.
        public var state: ServiceState?
        /// Its place in the start waves of the whole set, from 1; nil when it is not started.
        public var wave: Int?
        /// What it names, by kind, in the order of the manifest; only what is declared.
        public var relations: [Relation: [QualifiedName]]

        /// Describes a service.
        public init(_ spec: ServiceSpec, state: ServiceState?, wave: Int?, isDeclared: (QualifiedName) -> Bool) {
            name = spec.name
            wanted = spec.status
            self.state = state
            self.wave = wave
            relations = [
                .requires: spec.requires.filter(isDeclared), .wants: spec.wants.filter(isDeclared),
                .after: spec.after.filter(isDeclared), .conflicts: spec.conflicts.filter(isDeclared),
            ]
        }

        /// What it starts after, requirements first, each once.
        func dependencies() -> [(bond: Relation, name: QualifiedName)] {
            var seen: Set<QualifiedName> = []
            return [Relation.requires, .wants, .after].flatMap { bond in
                (relations[bond] ?? []).filter { seen.insert($0).inserted }.map { (bond, $0) }
            }
        }
    }

    /// The services, by name.
    public private(set) var nodes: [QualifiedName: Node]

    /// Makes a map.
    public init(_ nodes: [Node]) {
        self.nodes = Dictionary(nodes.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// The services in the order of their names.
    public var sorted: [Node] { nodes.values.sorted { $0.name < $1.name } }

    /// The services that no other one starts after.
    var roots: [QualifiedName] {
        var isBelow: Set<QualifiedName> = []
        for node in nodes.values {
            for (_, name) in node.dependencies() where name != node.name { isBelow.insert(name) }
        }
        return nodes.keys.filter { !isBelow.contains($0) }.sorted()
    }

    /// Only a service and all it depends on, near or far.
    public func subgraph(_ name: QualifiedName) -> DependencyMap {
        var found: [QualifiedName: Node] = [:]
        var open = [name]
        while let next = open.popLast() {
            guard found[next] == nil, let node = nodes[next] else { continue }
            found[next] = node
            open += node.dependencies().map(\.name)
        }
        return DependencyMap(Array(found.values))
    }

    /// `heroproc/tree/v1`.
    public var json: JSONValue {
        [
            "schema": "heroproc/tree/v1",
            "services": .array(sorted.map(Self.json)),
        ]
    }

    private static func json(_ node: Node) -> JSONValue {
        let bonds = Relation.allCases.map { bond in
            let names = (node.relations[bond] ?? []).map { JSONValue.string($0.description) }
            return JSONValue.Member(bond.rawValue, .array(names))
        }
        return .object(
            [
                .init("service", .string(node.name.description)), .init("wanted", .string(node.wanted.rawValue)),
                .init("state", JSONValue(node.state?.rawValue)), .init("wave", JSONValue(node.wave)),
            ] + bonds
        )
    }
}
