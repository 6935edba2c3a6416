import Glibc

/// One change of a watched directory (inotify(7)).
public struct InotifyEvent {
    /// The watch; negative when events were lost.
    public let watch: Int32
    /// What has happened.
    public let mask: UInt32
    /// The name in the directory; empty when it is about the directory itself.
    public let name: String

    /// Whether events were lost, so that anything may have changed.
    public var isOverflow: Bool { mask & UInt32(IN_Q_OVERFLOW) != 0 }
    /// Whether the watch does not exist any more.
    public var isWatchRemoved: Bool { mask & UInt32(IN_IGNORED) != 0 }
    /// Whether it is about a directory.
    public var isDirectory: Bool { mask & UInt32(IN_ISDIR) != 0 }

    /// Reads all events that wait on a descriptor that does not block.
    public static func readAll(_ descriptor: Int32) -> [InotifyEvent] {
        var events: [InotifyEvent] = []
        var buffer = [UInt8](repeating: 0, count: 16_384)
        while case let count = read(descriptor, &buffer, buffer.count), count > 0 {
            buffer.withUnsafeBytes { append(UnsafeRawBufferPointer(rebasing: $0[..<count]), to: &events) }
        }
        return events
    }

    private static func append(_ bytes: UnsafeRawBufferPointer, to events: inout [InotifyEvent]) {
        let size = MemoryLayout<inotify_event>.size
        var offset = 0
        while offset + size <= bytes.count {
            let event = bytes.loadUnaligned(fromByteOffset: offset, as: inotify_event.self)
            let end = offset + size + Int(event.len)
            guard end <= bytes.count else {
                // The kernel writes only whole events; a part of one is treated as a loss.
                events.append(InotifyEvent(watch: -1, mask: UInt32(IN_Q_OVERFLOW), name: ""))
                return
            }
            // The name is padded with NULs.
            let name = String(decoding: bytes[(offset + size)..<end].prefix { $0 != 0 }, as: UTF8.self)
            events.append(InotifyEvent(watch: event.wd, mask: event.mask, name: name))
            offset = end
        }
    }
}
