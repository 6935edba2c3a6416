public import HeroModel

/// The processes of services, and what they use: the input of `stats` and of `tree --processes`.
public struct UsageReport: Hashable, Sendable {
    /// The processes of one action.
    public struct Action: Hashable, Sendable {
        /// The action.
        public var name: String
        /// Its job; nil if it never had one.
        public var job: JobID?
        /// Its processes, parents first.
        public var tree: TreeUsage

        /// Creates the processes of an action.
        public init(name: String, job: JobID?, tree: TreeUsage) {
            self.name = name
            self.job = job
            self.tree = tree
        }
    }

    /// A service, or a standalone action.
    public struct Owner: Hashable, Sendable {
        /// Its name.
        public var name: QualifiedName
        /// Its actions, in the order of their starts; the action itself if it is standalone.
        public var actions: [Action]

        /// Creates an owner.
        public init(name: QualifiedName, actions: [Action]) {
            self.name = name
            self.actions = actions
        }

        /// What all its processes use together.
        public var total: ResourceUsage { actions.reduce(.none) { $0 + $1.tree.total } }
    }

    /// The services, in the order of output.
    public var services: [Owner]
    /// The standalone actions, in the order of output.
    public var standalone: [Owner]
    /// The time of the report.
    public var now: WallTime

    /// Creates a report.
    public init(services: [Owner], standalone: [Owner], now: WallTime) {
        self.services = services
        self.standalone = standalone
        self.now = now
    }
}
