lorac trian
