/// A line of a log in CRI format.
struct LogLine: Equatable {
    var stream: String
    var tag: String
    var text: [UInt8]
}
