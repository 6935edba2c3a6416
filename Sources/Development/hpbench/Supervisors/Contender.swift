/// The measured supervisors.
enum Contender: String, CaseIterable {
    case heroproc
    case s6
    case runit
    case supervisord

    /// The programs that must be installed.
    var programs: [String] {
        switch self {
        case .heroproc: []
        case .s6: ["s6-svscan", "s6-svscanctl", "s6-log"]
        case .runit: ["runsvdir", "runsv", "svlogd"]
        case .supervisord: ["supervisord"]
        }
    }

    /// Whether it can be measured on this machine.
    var isInstalled: Bool { programs.allSatisfy { ChildProcess.path(of: $0) != nil } }

    /// Prepares a number of services without starting them.
    func makeSupervisor(_ place: BenchDirectory, services: Int) throws -> any Supervisor {
        switch self {
        case .heroproc: try HeroprocSupervisor(place, services: services)
        case .s6: try ServiceDirectorySupervisor(place, services: services, flavour: .s6)
        case .runit: try ServiceDirectorySupervisor(place, services: services, flavour: .runit)
        case .supervisord: try Supervisord(place, services: services)
        }
    }
}
