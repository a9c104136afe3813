{
  "targets": [
    {
      "target_name": "codyra",
      "type": "none",
      "actions": [
        {
          "action_name": "cmake",
          "message": "CMakeLists.txt describes the build; this target only starts it",
          "inputs": ["CMakeLists.txt"],
          "outputs": ["<(module_root_dir)/build/codyra-build.json"],
          "action": ["node", "scripts/setup.mjs", "--native-only"]
        }
      ]
    }
  ]
}
