import CHeroRecord
import Glibc
import HeroKernel
import HeroModel

/// A launch order in the words of CHeroRecord: the header, then all texts in one blob.
///
/// One value encodes order after order into the same memory.
struct SpecBlob {
    /// What is the same for all starts.
    struct Place {
        /// The paths of this state directory.
        var paths: RuntimePaths
        /// Boot and pid namespace.
        var machine: Census.Machine
        /// The soft limit of open files that services get.
        var openFiles: UInt64
    }

    private(set) var bytes: [UInt8] = []
    private var brokenText: String?

    /// Encodes a launch, over whatever was encoded before.
    mutating func encode(_ launch: Launch, _ place: Place) throws(StartRefusal) {
        let order = launch.order
        let headerSize = MemoryLayout<hero_spec>.size
        bytes.removeAll(keepingCapacity: true)
        bytes.append(contentsOf: repeatElement(0, count: headerSize))
        brokenText = nil

        var header = hero_spec()
        header.magic = UInt32(HERO_SPEC_MAGIC)
        header.version = UInt32(HERO_VERSION)
        header.generation = order.start.generation
        header.job = order.start.job
        header.record_path = append(place.paths.record(of: order.start.job))
        header.log_path = append(place.paths.logs + "/" + order.logFile)
        header.working_directory = append(order.workingDirectory)
        (header.candidates, header.candidate_count) = append(list: launch.candidates)
        let scriptPath = place.paths.script(of: order.start.job)
        (header.arguments, header.argument_count) = append(
            list: order.arguments.map { $0 == LaunchOrder.scriptPlaceholder ? scriptPath : $0 }
        )
        (header.environment, header.environment_count) = append(
            list: launch.environment.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        )
        // Its values may be secrets, and what is refused is told.
        if brokenText != nil { brokenText = launch.environment.first { $0.value.utf8.contains(0) }?.key ?? brokenText }
        if let script = order.script {
            header.script = append(script)
            header.script_size = UInt32(clamping: script.utf8.count)
            header.script_path = append(scriptPath)
        }
        header.umask = order.umask
        header.stop_signal = UInt32(clamping: order.stop.signal.number)
        header.stop_timeout_ms = UInt32(clamping: order.stop.timeout.wholeMilliseconds)
        header.log_keep = UInt32(clamping: min(max(order.log.keep, 0), 99))
        header.log_max_size = UInt64(clamping: order.log.maxSize)
        header.open_files_soft = place.openFiles
        header.pid_namespace = place.machine.pidNamespace
        withUnsafeMutableBytes(of: &header.boot_id) { field in
            field.copyBytes(from: place.machine.bootID.utf8.prefix(field.count - 1))
        }

        guard brokenText == nil else {
            throw StartRefusal(.launch, EINVAL, "a NUL character stands in `\(brokenText ?? "")`")
        }
        guard !launch.candidates.isEmpty, !order.arguments.isEmpty else {
            throw StartRefusal(.execute, ENOENT, "there is no program to execute")
        }
        guard bytes.count <= 1 << 30 else {
            throw StartRefusal(.launch, E2BIG, "arguments, environment and script are too large")
        }
        header.size = UInt32(clamping: bytes.count)
        withUnsafeBytes(of: &header) { source in
            bytes.withUnsafeMutableBytes { $0.copyMemory(from: source) }
        }
    }

    /// Overwrites what was encoded: there may be secrets in it.
    mutating func wipe() {
        for index in bytes.indices { bytes[index] = 0 }
    }

    private mutating func append(_ text: String) -> UInt32 {
        let offset = bytes.count
        bytes.append(contentsOf: text.utf8)
        // A NUL would cut the text in two and shift every text behind it.
        if bytes[offset...].contains(0) { brokenText = text }
        bytes.append(0)
        return UInt32(clamping: offset)
    }

    private mutating func append(list: [String]) -> (offset: UInt32, count: UInt32) {
        let offset = UInt32(clamping: bytes.count)
        for text in list { _ = append(text) }
        return (offset, UInt32(clamping: list.count))
    }
}

/// A start that fails before there is a shim.
struct StartRefusal: Error, Hashable {
    /// What becomes its outcome.
    var failure: StartFailure

    init(_ stage: StartFailure.Stage, _ number: Int32, _ detail: String) {
        failure = StartFailure(stage: stage, errno: number, detail: detail)
    }
}
