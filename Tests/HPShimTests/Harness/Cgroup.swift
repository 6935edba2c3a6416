import CHeroRecord
import Foundation
import TestSupport

/// The levels of containment (TR-2), and cgroup directories for tests.
enum Cgroup {
    /// A level of containment.
    enum Level: String, CaseIterable, CustomStringConvertible {
        case cgroup = "A: cgroup v2"
        case freezer = "B: v1 freezer"
        case subreaper = "C: subreaper"

        var description: String { rawValue }

        /// The directory in which tests can create cgroups; nil when that is not possible.
        var parent: String? {
            let mounts = String(decoding: fileContents("/proc/self/mounts"), as: UTF8.self)
            let fields = mounts.split(separator: "\n").map { $0.split(separator: " ") }.filter { $0.count > 3 }
            let found: String? =
                switch self {
                case .cgroup: fields.first { $0[2] == "cgroup2" }.map { String($0[1]) }
                case .freezer:
                    fields.first { $0[2] == "cgroup" && $0[3].split(separator: ",").contains("freezer") }
                        .map { String($0[1]) }
                case .subreaper: nil
                }
            guard let found, access("\(found)/cgroup.procs", W_OK) == 0 else { return nil }
            return found
        }

        var isAvailable: Bool { self == .subreaper || parent != nil }

        var kind: hero_containment {
            switch self {
            case .cgroup: HERO_CONTAINMENT_CGROUP
            case .freezer: HERO_CONTAINMENT_FREEZER
            case .subreaper: HERO_CONTAINMENT_NONE
            }
        }
    }
}

extension TestJob {
    /// Puts the job into its own cgroup; returns the directory.
    @discardableResult
    func useContainment(_ level: Cgroup.Level) throws -> String {
        guard let parent = level.parent else { return "" }
        let folder = "\(parent)/hpshim-test-\(URL(fileURLWithPath: directory).lastPathComponent)"
        let path = "\(folder)/17.1"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        spec.containment = level.kind
        spec.cgroup = path
        return path
    }
}
