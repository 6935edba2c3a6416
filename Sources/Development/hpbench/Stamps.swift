import CHeroLinux
import Foundation

/// Nanoseconds since boot: the clock of the stamps.
func now() -> UInt64 { UInt64(hl_boot_clock()) }

/// Seconds between two moments.
func seconds(from begin: UInt64, to end: UInt64) -> Double { (Double(end) - Double(begin)) / 1e9 }

/// The file to which every supervised program writes when it began: one clock, written by the program itself.
struct Stamps {
    /// One start of a program.
    struct Stamp {
        /// When, on the clock of `now()`.
        var time: UInt64
        /// Which process.
        var pid: pid_t
    }

    private static let size = 32
    /// Where it is.
    let path: String

    /// Makes an empty one.
    init(in folder: String) throws {
        path = folder + "/starts"
        guard FileManager.default.createFile(atPath: path, contents: nil) else {
            throw BenchError("cannot make \(path)")
        }
    }

    /// How many there are.
    var count: Int {
        var file = stat()
        return stat(path, &file) == 0 ? Int(file.st_size) / Self.size : 0
    }

    /// All of them, in the order of their arrival.
    func all() -> [Stamp] {
        let bytes = FileManager.default.contents(atPath: path) ?? Data()
        return bytes.split(separator: UInt8(ascii: "\n")).compactMap { line in
            let words = String(decoding: line, as: UTF8.self).split(separator: " ")
            guard words.count == 2, let time = UInt64(words[0]), let pid = pid_t(words[1]) else { return nil }
            return Stamp(time: time, pid: pid)
        }
    }

    /// Waits until there are that many; the stamps themselves say exactly when.
    func awaitCount(_ wanted: Int, within limit: Double) throws {
        let begin = now()
        while count < wanted {
            guard seconds(from: begin, to: now()) < limit else {
                throw BenchError("only \(count) of \(wanted) programs started within \(limit) s")
            }
            usleep(200)
        }
    }

    /// Waits until none of the processes that ever stamped is there.
    func awaitProcessesGone(within limit: Double) throws {
        let begin = now()
        var left = all().map(\.pid)[...]
        while let pid = left.last {
            if !SignalSender.send(0, to: pid) {
                left.removeLast()
            } else {
                guard seconds(from: begin, to: now()) < limit else {
                    throw BenchError("\(left.count) programs are still there after \(limit) s")
                }
                usleep(500)
            }
        }
    }
}
