import Dispatch
import Foundation
import HeroLinux

/// A fresh directory in which everything of one run happens, and which knows how to leave nothing behind.
///
/// Every process of ours either runs a program from here or has its working directory here: so all of them are found,
/// and nobody else's is.
final class BenchDirectory {
    /// Where it is: canonical, no slash at the end.
    let path: String
    /// What listens for Ctrl-C.
    private let signalSources: [any DispatchSourceSignal]

    /// Whoever starts or makes something passes here, and so does whoever tidies up.
    static let lock = NSLock()

    /// Makes a directory below another one, and copies the programs under test into it.
    init(below parent: String, programs: [String]) throws {
        let wanted = parent + "/hpbench.\(getpid())"
        try FileManager.default.createDirectory(atPath: wanted + "/bin", withIntermediateDirectories: true)
        let path = URL(filePath: wanted).resolvingSymlinksInPath().path()
        self.path = path
        // ext4 looks at every inode that was deleted near a new one within the last minutes. So each folder of ours is
        // sent to a part of the disk of its own, as if it were a top-level one; elsewhere this does nothing.
        if let chattr = ChildProcess.path(of: "chattr") { _ = try ChildProcess([chattr, "+T", path]).wait() }
        for program in programs {
            let name = URL(filePath: program).lastPathComponent
            try FileManager.default.copyItem(
                atPath: URL(filePath: program).resolvingSymlinksInPath().path(),
                toPath: "\(path)/bin/\(name)"
            )
        }
        signalSources = [SIGINT, SIGTERM, SIGHUP].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler {
                // Taken for good: the measurement that is interrupted starts nothing any more and waits for our end.
                Self.lock.lock()
                Self.cleanUp(path)
                exit(128 + number)
            }
            source.resume()
            return source
        }
    }

    /// One of the programs under test.
    func program(_ name: String) -> String { "\(path)/bin/\(name)" }

    /// Makes a folder that nobody used before.
    func makeFolder(_ name: String) throws -> String {
        Self.lock.lock()
        defer { Self.lock.unlock() }
        let folder = "\(path)/\(name).\(UInt32.random(in: 0 ... .max))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        return folder
    }

    /// The processes that are ours.
    var processes: [MeasuredProcess] { MeasuredProcess.all(in: path) }

    /// Ends what is left of ours, supervisors first.
    func endProcesses() { Self.endProcesses(path) }

    /// Ends everything and removes every file.
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
        // A state directory has its run directory elsewhere, under a name made from its own.
        for child in (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [] where child.hasPrefix("state") {
            let run = RuntimePaths.resolve(state: "\(path)/\(child)", environment: ProcessInfo.processInfo.environment)
                .run
            try? FileManager.default.removeItem(atPath: run)
        }
        // Whoever is interrupted may be in the middle of making files.
        for _ in 0..<100 where FileManager.default.fileExists(atPath: path) {
            try? FileManager.default.removeItem(atPath: path)
        }
    }
}
