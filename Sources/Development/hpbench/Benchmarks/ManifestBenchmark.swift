import CLibYAML
import Foundation
import HeroFuzz
import HeroManifest
import HeroModel

/// Measures the manifest reader in this process: next to the events of libyaml alone, and with hostile files.
struct ManifestBenchmark {
    /// The number of manifests.
    let count: Int
    /// The number of repetitions; the median counts.
    let repetitions: Int

    /// Measures everything.
    func measure(into results: inout Measurements) {
        // Memory comes first, because memory that later runs free would be reused unnoticed.
        let files = self.files
        let text = files.reduce(0) { $0 + $1.bytes.count }
        let peak = Self.peakMemoryGrowth { _ = Manifests.read(files, options: Self.options).desired }
        results[.readingMemory, .heroproc] = Double(peak) / Double(text)

        let bare = (0..<repetitions).map { _ in Self.seconds { for file in files { Self.parse(file.bytes) } } }
        let measured = (0..<repetitions).map { _ in
            // The result is released after the measurement.
            var read: [ManifestResult] = []
            defer { read.removeAll() }
            return Self.seconds { read.append(Manifests.read(files, options: Self.options)) }
        }
        if let bare = bare.median, let measured = measured.median {
            results[.reading, .bareLoop] = bare
            results[.reading, .heroproc] = measured
            results[.readingRatio, .bareLoop] = 1
            results[.readingRatio, .heroproc] = measured / bare
        }
        measureHostileFiles(into: &results)
    }

    /// Finds the slowest and the largest of the files that are made to consume time or memory.
    private func measureHostileFiles(into results: inout Measurements) {
        var slowest = (seconds: 0.0, name: "")
        var largest = (bytes: 0, name: "")
        for attack in HostileFile.all {
            let file = ManifestFile(path: "x.yaml", baseDirectory: "/srv", bytes: attack.bytes())
            let peak = Self.peakMemoryGrowth { _ = Manifests.read([file], options: Self.options) }
            if peak > largest.bytes { largest = (peak, attack.name) }
            let times = (0..<repetitions).map { _ in Self.seconds { _ = Manifests.read([file], options: Self.options) }
            }
            if let seconds = times.median, seconds > slowest.seconds { slowest = (seconds, attack.name) }
        }
        results[.hostileTime, .heroproc] = slowest.seconds * 1000
        results[.hostileMemory, .heroproc] = Double(largest.bytes) / 1_048_576
        results.notes.append(
            "Of \(HostileFile.all.count) hostile files, the slowest is \(slowest.name), the largest \(largest.name)."
        )
    }

    private static let options = ManifestOptions(requiresCore: false)

    /// Manifests of 600 bytes with the usual fields of a service.
    private var files: [ManifestFile] {
        (0..<count).map { number in
            let after = number == 0 ? "" : "requires: [service-\(number / 2)]\n"
            var text = """
                # One of many.
                kind: Service
                name: service-\(number)
                description: Answers requests over HTTP and keeps all data
                labels: {team: platform, tier: backend}
                tags: [http, demo]
                \(after)env:
                  LANG: C.UTF-8
                  PORT: \(10_000 + number)
                actions:
                  - name: server
                    is_process: true
                    exec: [/usr/bin/server, --listen, "127.0.0.1:\(10_000 + number)", --verbose]
                    cwd: /srv/demo
                    tcp_ports: ["127.0.0.1:\(10_000 + number)"]
                    ready: {http: "http://127.0.0.1:\(10_000 + number)/health", interval: 100ms}
                    stop: {signal: TERM, timeout: 5s}
                    retry: {delay: 200ms, max_delay: 10s}

                """
            text += "# " + String(repeating: "-", count: max(0, 597 - text.utf8.count)) + "\n"
            return ManifestFile(path: "s\(number).yaml", baseDirectory: "/srv/demo", bytes: Array(text.utf8))
        }
    }

    /// Parses with libyaml alone, and discards every event.
    private static func parse(_ bytes: [UInt8]) {
        var parser = yaml_parser_t()
        guard yaml_parser_initialize(&parser) == 1 else { return }
        defer { yaml_parser_delete(&parser) }
        bytes.withUnsafeBufferPointer { buffer in
            yaml_parser_set_input_string(&parser, buffer.baseAddress, buffer.count)
            var event = yaml_event_t()
            while yaml_parser_parse(&parser, &event) == 1 {
                let isEnd = event.type == YAML_STREAM_END_EVENT
                yaml_event_delete(&event)
                if isEnd { return }
            }
        }
    }

    // MARK: Clock and memory

    private static func seconds(_ work: () -> Void) -> Double {
        var start = timespec()
        var end = timespec()
        // The time of this thread, because other processes use the machine too.
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &start)
        work()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end)
        return Double(end.tv_sec - start.tv_sec) + Double(end.tv_nsec - start.tv_nsec) / 1e9
    }

    /// The growth of the peak resident memory during the work, in bytes.
    private static func peakMemoryGrowth(_ work: () -> Void) -> Int {
        returnFreedMemory()
        // Since Linux 4.0, writing 5 resets the peak to the current size.
        try? Data("5".utf8).write(to: URL(filePath: "/proc/self/clear_refs"))
        let before = peakResidentSize
        work()
        return max(0, peakResidentSize - before)
    }

    /// Returns freed memory to the kernel, so that its reuse is measured.
    ///
    /// Swift does not import the header of `malloc_trim`.
    private static func returnFreedMemory() {
        guard let symbol = dlsym(nil, "malloc_trim") else { return }
        _ = unsafeBitCast(symbol, to: (@convention(c) (Int) -> Int32).self)(0)
    }

    /// The peak resident set size so far, in bytes.
    private static var peakResidentSize: Int {
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") } ?? ""
        return (Int(line.split(whereSeparator: \.isWhitespace).dropFirst().first ?? "") ?? 0) * 1024
    }
}
