"""The door: what comes from outside passes here before the rest of mmsim sees it, and is shown only through here.

arguments  what a program gives to a public function.
files      files that a user names: opened without waiting, within a size.
json_text  JSON, within a size, a depth and the range of numbers.
resources  what the machine refuses (memory, files, depth) becomes a code.
shown      text from outside, made safe for terminals, Markdown and plots.
"""
