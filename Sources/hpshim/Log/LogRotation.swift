import CHeroFailpoints
import CHeroShim

/// The files of one log: the active one, and the earlier ones `.1`, `.2` and so on, of which `keep` remain.
struct LogRotation {
    let path: UnsafePointer<CChar>
    private let keptFiles: Int

    init(path: UnsafePointer<CChar>, keptFiles: Int) {
        self.path = path
        self.keptFiles = keptFiles
    }

    /// Moves every file up by one and makes the active one; answers its descriptor or a negative errno.
    func rotate() -> Int32 {
        var active = shim_file()
        let moved = shim_lstat(path, &active) == 0 ? shiftFiles() : 0
        hero_failpoint(FP_LG_1)
        let descriptor = shim_create_log(path)
        // It is still there because it could not be moved: that says why.
        if descriptor == -Int32(SHIM_EEXIST), moved < 0 { return moved }
        guard descriptor == -Int32(SHIM_ENOENT) else { return descriptor }
        createParentDirectories()
        return shim_create_log(path)
    }

    /// Makes room at the active file's name; 0 or a negative errno.
    private func shiftFiles() -> Int32 {
        guard keptFiles > 0 else { return shim_remove(path) }
        // Only as far as the first free number: a gap needs no filling.
        var free = 1
        var found = shim_file()
        while free <= keptFiles, shim_lstat(numberedPath(free, in: 0), &found) == 0 { free += 1 }
        if free > keptFiles {
            removeExcessFiles()
            free = keptFiles
        }
        // From the top, so that a kill between two steps loses nothing.
        while free > 1 {
            _ = shim_rename(numberedPath(free - 1, in: 0), numberedPath(free, in: 1))
            free -= 1
        }
        let moved = shim_rename(path, numberedPath(1, in: 0))
        // A full directory that somebody put there cannot be replaced: the log goes on without its earlier part.
        return moved == -Int32(SHIM_EISDIR) ? shim_remove(path) : moved
    }

    /// Removes the last of the chain, and what a larger `keep` of earlier times has left.
    private func removeExcessFiles() {
        hero_failpoint(FP_LG_3)
        var number = keptFiles
        while number <= 100, shim_remove(numberedPath(number, in: 0)) == 0 { number += 1 }
    }

    /// `<path>.<number>`, in static memory.
    private func numberedPath(_ number: Int, in scratch: Int32) -> UnsafePointer<CChar> {
        let text = shim_scratch(scratch)
        var end = shim_length(path)
        shim_copy(text, path, end)
        text[end] = 0x2e
        end += 1
        if number >= 100 {
            text[end] = CChar(truncatingIfNeeded: 0x30 + number / 100)
            end += 1
        }
        if number >= 10 {
            text[end] = CChar(truncatingIfNeeded: 0x30 + number / 10 % 10)
            end += 1
        }
        text[end] = CChar(truncatingIfNeeded: 0x30 + number % 10)
        text[end + 1] = 0
        return UnsafePointer(text)
    }

    /// Makes the directories above the file, those that are missing, for nobody but us.
    private func createParentDirectories() {
        let text = shim_scratch(0)
        let length = shim_length(path)
        shim_copy(text, path, length + 1)
        var index = 1
        while index < length {
            if text[index] == 0x2f {
                text[index] = 0
                _ = shim_make_directory(text)
                text[index] = 0x2f
            }
            index += 1
        }
    }
}
