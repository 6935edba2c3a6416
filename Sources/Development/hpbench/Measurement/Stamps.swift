import CHeroLinux
import Foundation

/// The nanoseconds since boot, which is the clock of the stamps.
func now() -> UInt64 { UInt64(hl_boot_clock()) }

/// The seconds between two times.
func seconds(from begin: UInt64, to end: UInt64) -> Double { (Double(end) - Double(begin)) / 1e9 }

/// The file in which every supervised program records its start time, all with the same clock.
struct Stamps {
    /// One start of a program.
    struct Stamp {
        /// The time, on the clock of `now()`.
        var time: UInt64
        /// The process ID.
        var pid: pid_t
    }

    private static let size = 32
    /// The path of the file.
    let path: String

    /// Creates an empty file.
    init(in folder: String) throws {
        path = folder + "/starts"
        guard FileManager.default.createFile(atPath: path, contents: nil) else {
            throw BenchError("cannot create \(path)")
        }
    }

    /// The number of stamps.
    var count: Int {
        var file = stat()
        return stat(path, &file) == 0 ? Int(file.st_size) / Self.size : 0
    }

    /// All stamps, in the order of the file.
    func all() -> [Stamp] {
        let bytes = FileManager.default.contents(atPath: path) ?? Data()
        return bytes.split(separator: UInt8(ascii: "\n")).compactMap { line in
            let fields = String(decoding: line, as: UTF8.self).split(separator: " ")
            guard fields.count == 2, let time = UInt64(fields[0]), let pid = pid_t(fields[1]) else { return nil }
            return Stamp(time: time, pid: pid)
        }
    }

    /// Waits for a number of stamps.
    func awaitCount(_ wanted: Int, within limit: Double) throws {
        let begin = now()
        while count < wanted {
            guard seconds(from: begin, to: now()) < limit else {
                throw BenchError("only \(count) of \(wanted) programs started within \(limit) s")
            }
            usleep(200)
        }
    }

    /// Waits until every process that wrote a stamp is gone.
    func awaitProcessesGone(within limit: Double) throws {
        let begin = now()
        var left = all().map(\.pid)[...]
        while let pid = left.last {
            if !SignalSender.send(0, to: pid) {
                left.removeLast()
            } else {
                guard seconds(from: begin, to: now()) < limit else {
                    throw BenchError("\(left.count) programs are still running after \(limit) s")
                }
                usleep(500)
            }
        }
    }
}
