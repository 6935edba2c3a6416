import Foundation

/// The measured supervisors.
enum Contender: String, CaseIterable {
    case heroproc
    case dinit
    case s6
    case runit
    case supervisord

    /// The programs that must be installed.
    var programs: [String] {
        switch self {
        case .heroproc, .dinit: []
        case .s6: ["s6-svscan", "s6-svscanctl", "s6-log"]
        case .runit: ["runsvdir", "runsv", "svlogd"]
        case .supervisord: ["supervisord"]
        }
    }

    /// Whether it can be measured on this machine.
    var isInstalled: Bool {
        let isFound = self != .dinit || Self.dinitPath != nil
        return isFound && programs.allSatisfy { ChildProcess.path(of: $0) != nil }
    }

    /// How to install it.
    var installationHelp: String {
        switch self {
        case .dinit: "`DINIT_BIN=/path/to/dinit make bench` measures it"
        case .heroproc, .s6, .runit, .supervisord: "`make bench-deps` installs it"
        }
    }

    /// The dinit that the variable DINIT_BIN names, because Debian 12 has no package of it; nil without one.
    static var dinitPath: String? {
        ProcessInfo.processInfo.environment["DINIT_BIN"].flatMap { access($0, X_OK) == 0 ? $0 : nil }
    }

    /// Prepares a number of services without starting them.
    func makeSupervisor(_ place: BenchDirectory, services: Int) throws -> any Supervisor {
        switch self {
        case .heroproc: try HeroprocSupervisor(place, services: services)
        case .dinit: try Dinit(place, services: services)
        case .s6: try ServiceDirectorySupervisor(place, services: services, flavour: .s6)
        case .runit: try ServiceDirectorySupervisor(place, services: services, flavour: .runit)
        case .supervisord: try Supervisord(place, services: services)
        }
    }
}
