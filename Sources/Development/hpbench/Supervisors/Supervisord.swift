import Foundation

/// supervisord: one file with a section per service.
///
/// supervisord writes the logs itself.
final class Supervisord: Supervisor {
    let stamps: Stamps
    private let folder: String
    private var root: ChildProcess?

    /// Writes the configuration file.
    init(_ place: BenchDirectory, services: Int) throws {
        folder = try place.makeFolder("supervisord")
        stamps = try Stamps(in: place.makeFolder("stamps"))
        var text = """
            [supervisord]
            nodaemon=true
            minfds=\(services * 4 + 500)
            childlogdir=\(folder)
            logfile=\(folder)/supervisord.log
            pidfile=\(folder)/supervisord.pid

            """
        for index in 1...services {
            text += """
                [program:s\(index)]
                command=\(place.program("hpbenchload")) stamp \(stamps.path)

                """
        }
        try text.write(toFile: folder + "/supervisord.conf", atomically: false, encoding: .utf8)
    }

    func start() throws {
        root = try ChildProcess(["supervisord", "-c", folder + "/supervisord.conf"], in: folder)
    }

    func stop() throws {
        guard let root else { return }
        SignalSender.send(SIGTERM, to: root.pid)
        try stamps.awaitProcessesGone(within: 300)
    }
}
