"""The PLLs of device families: cells, limits after the data sheets, and every setting within them."""
