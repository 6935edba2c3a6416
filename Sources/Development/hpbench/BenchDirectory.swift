import Dispatch
import Foundation
import HeroLinux

/// The working directory of one run.
///
/// It removes all files and processes of the run.
///
/// Every process of a run either uses a program in this directory or has its working directory here. This finds all of
/// them and no others.
final class BenchDirectory {
    /// The canonical path, without a slash at the end.
    let path: String
    /// The handlers of stop signals.
    private let signalSources: [any DispatchSourceSignal]

    /// Protects process starts and file creation from a concurrent cleanup.
    static let lock = NSLock()

    /// Creates the directory and copies the measured programs into it.
    init(below parent: String, programs: [String]) throws {
        let created = parent + "/hpbench.\(getpid())"
        try FileManager.default.createDirectory(atPath: created + "/bin", withIntermediateDirectories: true)
        let path = URL(filePath: created).resolvingSymlinksInPath().path(percentEncoded: false)
        self.path = path
        // When ext4 creates a file it inspects every inode that was deleted nearby in the last minutes. The attribute T
        // places each subdirectory in its own part of the disk. Other file systems ignore it.
        if let chattr = ChildProcess.path(of: "chattr") { _ = try ChildProcess([chattr, "+T", path]).wait() }
        for program in programs {
            let name = URL(filePath: program).lastPathComponent
            try FileManager.default.copyItem(
                atPath: URL(filePath: program).resolvingSymlinksInPath().path(percentEncoded: false),
                toPath: "\(path)/bin/\(name)"
            )
        }
        signalSources = [SIGINT, SIGTERM, SIGHUP].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler {
                // Never unlocked: the interrupted measurement can start nothing more.
                Self.lock.lock()
                Self.cleanUp(path)
                exit(128 + number)
            }
            source.resume()
            return source
        }
    }

    /// The path of a measured program.
    func program(_ name: String) -> String { "\(path)/bin/\(name)" }

    /// Creates a new subdirectory.
    func makeFolder(_ name: String) throws -> String {
        Self.lock.lock()
        defer { Self.lock.unlock() }
        let folder = "\(path)/\(name).\(UInt32.random(in: 0 ... .max))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        return folder
    }

    /// The processes of this run.
    var processes: [MeasuredProcess] { MeasuredProcess.all(in: path) }

    /// Kills the processes of this run, supervisors first.
    func endProcesses() { Self.endProcesses(path) }

    /// Kills all processes and removes all files.
    func cleanUp() {
        Self.lock.lock()
        defer { Self.lock.unlock() }
        Self.cleanUp(path)
    }

    private static func endProcesses(_ path: String) {
        for _ in 0..<1000 {
            let processes = MeasuredProcess.all(in: path)
            if processes.isEmpty { return }
            for process in processes.sorted(by: { !$0.isWorkload && $1.isWorkload }) {
                SignalSender.send(SIGKILL, to: process.pid)
            }
            while waitpid(-1, nil, WNOHANG) > 0 {}
            usleep(5000)
        }
    }

    private static func cleanUp(_ path: String) {
        endProcesses(path)
        // The run directory of a state directory is elsewhere, with a name derived from it.
        for child in (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [] where child.hasPrefix("state") {
            let run = RuntimePaths.resolve(state: "\(path)/\(child)", environment: ProcessInfo.processInfo.environment)
                .run
            try? FileManager.default.removeItem(atPath: run)
        }
        // The interrupted measurement may still create files.
        for _ in 0..<100 where FileManager.default.fileExists(atPath: path) {
            try? FileManager.default.removeItem(atPath: path)
        }
    }
}
